/** `@threadmap/governor/opentelemetry`: metrics for OpenTelemetry. Needs `@opentelemetry/api`. */
export { type OpenTelemetryOptions, observe, SCOPE, SHARD_ATTRIBUTE } from './seeing/opentelemetry.js'
