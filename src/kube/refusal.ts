/** What the API server answers when it refuses: a Status, or something else from whatever stands before it. */
import { ClusterError, type ClusterErrorReason } from './cluster.ts'

/** A ClusterError with what HTTP told beside it. */
export class ApiRefusal extends ClusterError {
  readonly status: number
  /** What the server asked us to wait, where it did. */
  readonly retryAfterMs: number | undefined
  /** Fields that the server named as the cause. */
  readonly fields: readonly string[]
  constructor(
    reason: ClusterErrorReason,
    message: string,
    { status, retryAfterMs, fields = [] }: RefusalDetails,
  ) {
    super(reason, message)
    this.name = 'ApiRefusal'
    this.status = status
    this.retryAfterMs = retryAfterMs
    this.fields = fields
  }
}

interface RefusalDetails {
  status: number
  retryAfterMs?: number | undefined
  fields?: readonly string[]
}

/** The version that was asked for, or a page of a list, is no longer there (410). */
export function isGone(error: unknown): boolean {
  return error instanceof ApiRefusal && error.status === 410
}

/** The object, or its whole kind. */
export function isNotFound(error: unknown): boolean {
  return error instanceof ClusterError && error.reason === 'NotFound'
}

export function isForbidden(error: unknown): boolean {
  return error instanceof ClusterError && error.reason === 'Forbidden'
}

export function refusalOf(
  subject: string,
  answer: { status: number; retryAfter?: string | undefined; text: string },
): ApiRefusal {
  const { status, retryAfter, text } = answer
  const told = parsed(text)
  const message = told?.message ?? (text.trim().slice(0, 500) || 'no more was said')
  const seconds = Number(retryAfter ?? told?.details?.retryAfterSeconds ?? Number.NaN)
  const retryAfterMs = Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined
  // Server-side apply calls a field that the kind has not (a CRD older than we are) an internal error.
  const isUnknownField = status === 500 && message.includes('field not declared in schema')
  const reason = isUnknownField ? 'Invalid' : reasonOf(status, told?.reason)
  return new ApiRefusal(reason, `${subject} was refused with ${status}: ${message}`, {
    status,
    retryAfterMs,
    fields: told?.details?.causes?.flatMap(({ field }) => field ?? []) ?? [],
  })
}

function reasonOf(status: number, reason: string | undefined): ClusterErrorReason {
  switch (status) {
    case 403:
      return 'Forbidden'
    case 404:
      return 'NotFound'
    case 409:
      return reason === 'AlreadyExists' ? 'AlreadyExists' : 'Conflict'
    // Credentials are renewed, the version moves on, load goes down: all of these may pass.
    case 401:
    case 408:
    case 410:
    case 429:
      return 'Unavailable'
    default:
      return status >= 400 && status < 500 ? 'Invalid' : 'Unavailable'
  }
}

interface Status {
  message?: string
  reason?: string
  details?: { retryAfterSeconds?: number; causes?: { field?: string }[] }
}

function parsed(text: string): Status | undefined {
  try {
    const value: unknown = JSON.parse(text)
    const isStatusObject =
      typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'Status'
    return isStatusObject ? (value as Status) : undefined
  } catch {
    // Not from the API server itself; the text is the message.
    return undefined
  }
}
