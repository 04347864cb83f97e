import { ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, trace } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BatchSpanProcessor, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace'
import type { FastifyBaseLogger } from 'fastify'
import { atMost } from '../at-most.ts'
import type { Clock } from '../clock.ts'
import { TRACES_STOP_MS } from '../stop-bounds.ts'
import type { TraceParent } from './traceparent.ts'
import type { RequestSpan, Tracer } from './tracer.ts'

/** How long one attempt to send may take with its retries, ms. */
const SEND_MS = 10_000

export interface OpenTelemetryOptions {
  /** Base URL of a collector, which takes OTLP over HTTP at `v1/traces` below it. */
  readonly endpoint: URL
  readonly service: { readonly name: string; readonly version: string }
  /** How often spans are sent, ms. */
  readonly everyMs: number
  readonly clock: Clock
  readonly log: FastifyBaseLogger
}

/**
 * Traces by OpenTelemetry: a span for each request, sent in batches in the background. Loads many
 * modules: import it only where it is used. Attributes are those of the semantic conventions for
 * HTTP servers without the path, which may hold anything.
 */
export function openTelemetry(options: OpenTelemetryOptions): Tracer {
  const { endpoint, service, everyMs, clock, log } = options
  const url = new URL('v1/traces', endpoint).href
  const exporter = toldExporter(new OTLPTraceExporter({ url, timeoutMillis: SEND_MS }), log)
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      'service.name': service.name,
      'service.version': service.version,
    }),
    spanProcessors: [new BatchSpanProcessor({ exporter, scheduledDelayMillis: everyMs })],
  })
  const tracer = provider.getTracer(service.name, service.version)
  return {
    begin({ method, scheme }, parent): RequestSpan {
      const attributes = { 'http.request.method': method, 'url.scheme': scheme }
      const options = { kind: SpanKind.SERVER, attributes }
      const span = tracer.startSpan(method, options, contextOf(parent))
      return {
        traceId: span.spanContext().traceId,
        end({ route, status }) {
          if (route !== null)
            span.updateName(`${method} ${route}`).setAttribute('http.route', route)
          if (status !== null) span.setAttribute('http.response.status_code', status)
          if (status !== null && status >= 500)
            span
              .setAttribute('error.type', String(status))
              .setStatus({ code: SpanStatusCode.ERROR })
          span.end()
        },
      }
    },
    // A last batch that cannot be sent was told of by the exporter.
    stop: () =>
      atMost(
        clock,
        TRACES_STOP_MS,
        provider.shutdown().catch(() => {}),
      ),
  }
}

const contextOf = (parent: TraceParent | null) =>
  parent === null
    ? ROOT_CONTEXT
    : trace.setSpanContext(ROOT_CONTEXT, {
        traceId: parent.traceId,
        spanId: parent.spanId,
        traceFlags: parent.isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
        isRemote: true,
      })

/** An exporter that tells once that it fails, and that it works again. */
function toldExporter(exporter: SpanExporter, log: FastifyBaseLogger): SpanExporter {
  let isFailing = false
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        const fails = result.error !== undefined
        if (fails && !isFailing) log.warn({ err: result.error }, 'traces cannot be sent')
        if (!fails && isFailing) log.info('traces are sent again')
        isFailing = fails
        done(result)
      })
    },
    shutdown: () => exporter.shutdown(),
  }
}
