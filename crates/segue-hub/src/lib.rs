//! An Event Hubs-compatible broker over the partitioned log.
