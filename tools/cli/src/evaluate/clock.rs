//! What time it is, for reports.

use jiff::Timestamp;

/// Date and time as reports show them.
pub fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string()
}
