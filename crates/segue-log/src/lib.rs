//! A partitioned, durable, checksummed log.
