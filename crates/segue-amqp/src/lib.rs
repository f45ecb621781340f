//! AMQP 1.0 as Azure Event Hubs speaks it: codec, frames, messages and a client.
