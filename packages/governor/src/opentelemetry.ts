/** `@threadmap/governor/opentelemetry`: metrics for OpenTelemetry. Needs `@opentelemetry/api`. */
export { MAP_ATTRIBUTE, type OpenTelemetryOptions, observe, SCOPE, SHARD_ATTRIBUTE } from './seeing/opentelemetry.js'
