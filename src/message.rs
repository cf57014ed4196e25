//! Where the messages of an engine and its back end go.

use std::fmt;
use std::sync::Arc;

/// How grave a message is, the gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// A call failed.
    Error,
    /// Something works, but not as asked.
    Warning,
    /// What an engine is made of.
    Info,
    /// What each call did.
    Debug,
}

/// What messages are handed to: it may be called by many threads at once.
type Sink = dyn Fn(LogLevel, &str) + Send + Sync;

/// Messages of one engine, up to a level, to one function. Nothing is shared between engines.
#[derive(Clone)]
pub struct Log {
    level: LogLevel,
    sink: Arc<Sink>,
}

impl Log {
    /// Messages of `level` and graver go to `sink`, in the thread whose call they are about. The sink must not call
    /// the engine that calls it.
    pub fn new(level: LogLevel, sink: impl Fn(LogLevel, &str) + Send + Sync + 'static) -> Log {
        Log {
            level,
            sink: Arc::new(sink),
        }
    }

    /// Hands over a message, which is made only where somebody wants it.
    pub fn write(&self, level: LogLevel, message: impl FnOnce() -> String) {
        if level <= self.level {
            (self.sink)(level, &message());
        }
    }
}

/// The crate `log`'s logger, which a program sets or doesn't.
impl Default for Log {
    fn default() -> Self {
        Log::new(LogLevel::Debug, |level, message| {
            let level = match level {
                LogLevel::Error => log::Level::Error,
                LogLevel::Warning => log::Level::Warn,
                LogLevel::Info => log::Level::Info,
                LogLevel::Debug => log::Level::Debug,
            };
            log::log!(level, "{message}");
        })
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log")
            .field("level", &self.level)
            .finish_non_exhaustive()
    }
}
