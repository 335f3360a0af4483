/**
 * The one catalogue of errors: a stable code, and how its message is made. Tests and callers look at `code`, people read
 * the message, which names the option, what was expected and what came. The original error is kept as `cause`.
 */
import { format } from 'node:util'

/** Every error that this project raises on purpose. */
export class LogstashLinkError extends Error {
  readonly code: ErrorCode
  constructor(code: ErrorCode, parameters: readonly unknown[], options?: ErrorOptions) {
    super(format(catalogue[code], ...parameters), options)
    this.name = 'LogstashLinkError'
    this.code = code
  }
}

/** May pass by itself: whoever catches it backs off and tries again. */
export class TransientError extends LogstashLinkError {
  override readonly name = 'TransientError'
}

/** Only a change of the input can help: whoever catches it reports it and waits for that change. */
export class TerminalError extends LogstashLinkError {
  override readonly name = 'TerminalError'
}

/** Code → message in the manner of util.format. Codes are never renamed or reused. */
const catalogue = {
  LSL_FIELD_INVALID: 'Expected `%s` to be %s, got %s',
  LSL_QUANTITY_INVALID: 'Expected `%s` to be a quantity such as 64Mi or 500k, got %s',
  LSL_DURATION_INVALID: 'Expected `%s` to be a duration such as 50ms, 60s or 2160h, got %s',
  LSL_HOST_INVALID: 'Expected `%s` to be host, host:port, IPv4 or [IPv6]:port, got %s: %s',
  LSL_LINK_INVALID: 'LogstashLink %s is refused: %s',
  LSL_MANIFEST_INVALID: '%s: %s',
  LSL_CONFIG_INVALID: 'The settings are refused:\n%s',
  LSL_FILE_UNREADABLE: 'Cannot read %s, named by %s: %s',
  LSL_BODY_MALFORMED:
    'Expected the body to be a JSON array of events or JSON objects, got %s at byte %d',
  LSL_BODY_CORRUPT: 'Expected the body to be whole and in %s as its Content-Encoding says: %s',
  LSL_BODY_TOO_LARGE: 'Expected the body to have at most %d bytes %s',
  LSL_CONTENT_ENCODING_UNSUPPORTED:
    'Expected `Content-Encoding` to be gzip, deflate, zstd or identity, got %s',
  LSL_CONTENT_TYPE_UNSUPPORTED:
    'Expected `Content-Type` to be that of NDJSON or JSON in a known charset, got %s',
  LSL_LISTEN_FAILED: 'Cannot listen on %s for %s: %s',
} as const satisfies Record<string, string>

export type ErrorCode = keyof typeof catalogue

/** The text of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
