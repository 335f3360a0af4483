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
  LSL_DEAD_LETTER_FAILED: 'Cannot keep an event in %s: %s',
  LSL_BODY_MALFORMED:
    'Expected the body to be a JSON array of events or JSON objects, got %s at byte %d',
  LSL_BODY_CORRUPT: 'Expected the body to be whole and in %s as its Content-Encoding says: %s',
  LSL_BODY_TOO_LARGE: 'Expected the body to have at most %d bytes %s',
  LSL_CONTENT_ENCODING_UNSUPPORTED:
    'Expected `Content-Encoding` to be gzip, deflate, zstd or identity, got %s',
  LSL_CONTENT_TYPE_UNSUPPORTED:
    'Expected `Content-Type` to be that of NDJSON or JSON in a known charset, got %s',
  LSL_BODY_INTERRUPTED: 'The body did not come whole: %s',
  LSL_HOSTS_FILE_INVALID: 'The list of hosts in %s is refused: %s',
  LSL_LISTEN_FAILED: 'Cannot listen on %s for %s: %s',
  LSL_ENV_MISSING: 'Expected the environment variable %s, named by %s, to be set',
  LSL_TLS_FILE_SIZE: 'Expected `%s` (%s) to have 1 to %d bytes, got %d',
  LSL_TLS_PEM_INVALID: 'Expected `%s` (%s) to hold %s in PEM, got %s',
  LSL_TLS_PKCS12_INVALID: 'Expected `%s` (%s) to be a %s in PKCS #12, got %s',
  LSL_TLS_PASSWORD_WRONG: 'The password does not open `%s` (%s), or the file is damaged',
  LSL_TLS_DERIVATION_COST:
    'Expected `%s` (%s) to ask for at most %d rounds of key derivation, got %d',
  LSL_TLS_TRUSTSTORE_HAS_KEY:
    'Expected `%s` (%s) to hold certificates only, as a truststore does, got a private key: is it a keystore?',
  LSL_TLS_KEYSTORE_KEYS:
    'Expected `%s` (%s) to hold one private key with its certificate, as a keystore does, got %s',
  LSL_TLS_KEY_MISMATCH: 'The private key of `%s` (%s) belongs to no certificate of %s',
  LSL_TLS_REFUSED: 'TLS does not work with `%s` (%s): %s',
  LSL_LOCAL_NO_ADDRESS:
    'Cannot find a free loopback address for a pod after %d attempts on port %d',
  LSL_SIDECAR_UNREACHABLE: 'Expected a sidecar at %s port %d to answer /status: %s',
  LSL_WRITE_FAILED: 'Expected the cluster to take all that was to be written, %d were not: %s',
  LSL_DEMO_STUCK: 'Expected that %s within %d s, and it did not come about',
  LSL_DEMO_REFUSED: 'A sender refused lines with status %d: %s',
  LSL_REVIEW_INVALID: 'Expected %s, got %s',
  LSL_WEBHOOK_SECRET_INVALID: 'Expected Secret %s to hold %s, got %s',
  LSL_KUBECONFIG_INVALID: 'The kubeconfig %s is refused: %s',
} as const satisfies Record<string, string>

export type ErrorCode = keyof typeof catalogue

/** The text of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
