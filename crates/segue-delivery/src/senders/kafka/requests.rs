//! What Segue asks of brokers, in which versions, and what answers it.
//!
//! | Request | From | To |
//! |---|---|---|
//! | `ApiVersions` | 0: asked before anything is known | 0 |
//! | `SaslHandshake` | 1: what follows is asked in requests of its own | 1 |
//! | `SaslAuthenticate` | 0 | 2 |
//! | `Metadata` | 4: asking after a topic need not create it | 9: then topics have ids |
//! | `InitProducerId` | 0 | 4: more is for transactions |
//! | `Produce` | 3: records have headers | 9: the last one that Azure might know |

use std::ops::RangeInclusive;

use kafka_protocol::messages::{
    ApiKey, ApiVersionsRequest, ApiVersionsResponse, InitProducerIdRequest, InitProducerIdResponse,
    MetadataRequest, MetadataResponse, ProduceRequest, ProduceResponse, SaslAuthenticateRequest,
    SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion};

pub(super) trait Request: Encodable + HeaderVersion {
    const KEY: ApiKey;
    /// The versions that Segue knows.
    const VERSIONS: RangeInclusive<i16>;
    type Answer: Decodable + HeaderVersion;

    /// How long the broker wants to be left alone after an answer: it did what was asked, but wants
    /// no more now.
    fn pause_ms(_: &Self::Answer) -> i32 {
        0
    }
}

impl Request for ApiVersionsRequest {
    const KEY: ApiKey = ApiKey::ApiVersions;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    type Answer = ApiVersionsResponse;
}

impl Request for SaslHandshakeRequest {
    const KEY: ApiKey = ApiKey::SaslHandshake;
    const VERSIONS: RangeInclusive<i16> = 1..=1;
    type Answer = SaslHandshakeResponse;
}

impl Request for SaslAuthenticateRequest {
    const KEY: ApiKey = ApiKey::SaslAuthenticate;
    const VERSIONS: RangeInclusive<i16> = 0..=2;
    type Answer = SaslAuthenticateResponse;
}

impl Request for MetadataRequest {
    const KEY: ApiKey = ApiKey::Metadata;
    const VERSIONS: RangeInclusive<i16> = 4..=9;
    type Answer = MetadataResponse;
}

impl Request for InitProducerIdRequest {
    const KEY: ApiKey = ApiKey::InitProducerId;
    const VERSIONS: RangeInclusive<i16> = 0..=4;
    type Answer = InitProducerIdResponse;

    fn pause_ms(answer: &InitProducerIdResponse) -> i32 {
        answer.throttle_time_ms
    }
}

impl Request for ProduceRequest {
    const KEY: ApiKey = ApiKey::Produce;
    const VERSIONS: RangeInclusive<i16> = 3..=9;
    type Answer = ProduceResponse;

    fn pause_ms(answer: &ProduceResponse) -> i32 {
        answer.throttle_time_ms
    }
}
