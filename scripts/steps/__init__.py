"""The steps of the set-up, one file each. Imports run one way: report <- cache, system <- download <- libtorch, photos;
report <- advisories, which is the audit's."""
