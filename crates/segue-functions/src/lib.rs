//! A function host: runs unmodified Azure Functions apps against any event hub.
