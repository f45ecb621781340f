//! Where spans go: by OTLP over HTTP to a collector, when one is named in the settings or by the
//! environment variables that are the standard's (`OTEL_EXPORTER_OTLP_ENDPOINT` and its kin).
//!
//! The project's SDK batches and sends on a thread of its own. Of it only that is used: its tracer
//! makes up the ids of spans, and ours are part of messages that a replay must make again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use opentelemetry::trace::{Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId};
use opentelemetry::{InstrumentationScope, KeyValue, Value};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::SpanProcessor;
use opentelemetry_sdk::trace::{BatchSpanProcessor, SpanData, SpanEvents, SpanLinks};
use segue_core::TraceContext;
use segue_telemetry::{AttributeValue, Span, SpanSink, Tracer};

use crate::settings::Telemetry;

/// The variables that name a collector, for all signals or for traces.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];

/// The name of this program in traces, unless `OTEL_SERVICE_NAME` gives another.
const SERVICE: &str = "segue";

/// How long the end of the program waits for the last spans to be sent.
const FLUSH_TIME_MAX: Duration = Duration::from_secs(2);

/// Spans on their way to a collector, or none.
pub(crate) struct Export {
    /// What records them.
    pub(crate) tracer: Tracer,
    processor: Option<Arc<BatchSpanProcessor>>,
}

impl Export {
    /// Begins to export, if a collector is named.
    ///
    /// # Errors
    /// When its address is none, or the part of requests is no part.
    pub(crate) fn start(settings: &Telemetry) -> anyhow::Result<Export> {
        let ratio = settings.trace_ratio;
        if !(0.0..=1.0).contains(&ratio) {
            bail!("telemetry.trace_ratio is {ratio}; write a part of all requests, from 0 to 1");
        }
        let is_named = ENDPOINTS.iter().any(|name| std::env::var_os(name).is_some());
        let builder = SpanExporter::builder().with_http();
        let builder = match &settings.otlp_endpoint {
            Some(url) => builder.with_endpoint(format!("{}/v1/traces", url.trim_end_matches('/'))),
            None if is_named => builder,
            None => return Ok(Export { tracer: Tracer::default(), processor: None }),
        };
        let exporter = builder.build().context("cannot export traces (telemetry.otlp_endpoint)")?;
        let watched = Watched { exporter, is_failing: AtomicBool::new(false) };
        let mut processor = BatchSpanProcessor::builder(watched).build();
        processor.set_resource(&resource());
        let processor = Arc::new(processor);
        let tracer = Tracer::new(Box::new(Sink(Arc::clone(&processor))), ratio);
        Ok(Export { tracer, processor: Some(processor) })
    }

    /// Sends what is left.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        let Some(processor) = self.processor else { return Ok(()) };
        let stop = move || processor.shutdown_with_timeout(FLUSH_TIME_MAX);
        if let Err(error) = tokio::task::spawn_blocking(stop).await? {
            tracing::warn!(%error, "the last spans were not exported");
        }
        Ok(())
    }
}

fn resource() -> Resource {
    let builder = Resource::builder();
    let is_named = std::env::var_os("OTEL_SERVICE_NAME").is_some();
    let builder = if is_named { builder } else { builder.with_service_name(SERVICE) };
    builder.with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION"))).build()
}

struct Sink(Arc<BatchSpanProcessor>);

impl SpanSink for Sink {
    fn take(&self, span: Span) {
        self.0.on_end(data(span));
    }
}

/// An exporter whose failures are told once, not with every batch.
#[derive(Debug)]
struct Watched {
    exporter: SpanExporter,
    is_failing: AtomicBool,
}

impl opentelemetry_sdk::trace::SpanExporter for Watched {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let exported = self.exporter.export(batch).await;
        let was_failing = self.is_failing.swap(exported.is_err(), Ordering::Relaxed);
        match &exported {
            Err(error) if !was_failing => tracing::warn!(%error, "spans are lost"),
            Ok(()) if was_failing => tracing::info!("spans are exported again"),
            _ => {}
        }
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// A span as the SDK has it.
fn data(span: Span) -> SpanData {
    let attribute = |(name, value)| {
        KeyValue::new(
            name,
            match value {
                AttributeValue::Text(text) => Value::from(text),
                AttributeValue::Number(number) => Value::from(number),
            },
        )
    };
    let link = |to: &TraceContext| Link::new(context(*to, true), Vec::new(), 0);
    let mut links = SpanLinks::default();
    links.links.extend(span.links.iter().map(link));
    SpanData {
        span_context: context(span.context, false),
        parent_span_id: span
            .parent
            .map_or(SpanId::INVALID, |id| SpanId::from_bytes(id.to_be_bytes())),
        parent_span_is_remote: matches!(
            span.kind,
            segue_telemetry::SpanKind::Server | segue_telemetry::SpanKind::Consumer
        ),
        span_kind: match span.kind {
            segue_telemetry::SpanKind::Internal => SpanKind::Internal,
            segue_telemetry::SpanKind::Server => SpanKind::Server,
            segue_telemetry::SpanKind::Client => SpanKind::Client,
            segue_telemetry::SpanKind::Producer => SpanKind::Producer,
            segue_telemetry::SpanKind::Consumer => SpanKind::Consumer,
        },
        name: span.name,
        start_time: span.start,
        end_time: span.end,
        attributes: span.attributes.into_iter().map(attribute).collect(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links,
        status: span.error.map_or(Status::Unset, Status::error),
        instrumentation_scope: InstrumentationScope::builder(SERVICE).build(),
    }
}

fn context(of: TraceContext, is_remote: bool) -> SpanContext {
    let flags = if of.is_sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
    let trace = TraceId::from_bytes(of.trace.to_be_bytes());
    let span = SpanId::from_bytes(of.span.to_be_bytes());
    SpanContext::new(trace, span, flags, is_remote, Default::default())
}
