/** Accepted: is the link legal where it stands. */
import type { LogstashLink } from '../api/link.ts'
import type { Observed } from '../api/observed.ts'
import { trustKind } from '../api/trust-source.ts'
import { parseLink } from '../api/validate.ts'
import type { Finding, Problem, Refusal } from './finding.ts'

type Accepted = Finding<'Accepted'>

export interface AcceptedContext {
  /** What discovery says of the trust Secret's content. */
  trust?: { problem?: string; reason?: string }
  /** From the plan; none before there is one. */
  conflicts?: readonly Problem[]
  /** What the cluster refused to write. */
  refused?: readonly Refusal[]
  /** What speaks against the spec, where that was looked at already: it changes with the generation alone. */
  specProblems?: readonly string[]
}

type Check = (observed: Observed, context: AcceptedContext) => Accepted | undefined

/** The first thing that is wrong, or Accepted. */
export function checkAccepted(observed: Observed, context: AcceptedContext = {}): Accepted {
  for (const check of checks) {
    const found = check(observed, context)
    if (found !== undefined) return found
  }
  return observed.link.spec.suspend
    ? {
        status: 'True',
        reason: 'Suspended',
        message:
          'Suspended by `spec.suspend`: objects and settings stay as they are; hosts, trust, certificates and injection go on.',
      }
    : { status: 'True', reason: 'Accepted', message: 'The link is accepted.' }
}

/**
 * Whether objects may be rendered and written as a link's spec says: not by one that cannot be read; what stands then goes
 * on by itself. A missing Secret or Service is waited for with all else in place.
 */
export function mayApply({ reason }: Accepted): boolean {
  return reason !== 'Invalid'
}

const checks: readonly Check[] = [
  // A link may be older than a rule. Nothing else can be asked of one that is not understood.
  linkIsInvalid,
  authSecretDoesNotExist,
  authSecretLacksKeys,
  trustIsUnusable,
  serviceDoesNotExist,
  // What is not ours is never taken over.
  nameIsTaken,
  clusterRefusesObjects,
  // Pods that are made now would come without sidecars, and stay so.
  webhookIsNotReady,
]

/** Sentences; none where the spec keeps all the rules of this version. */
export function specProblemsOf({ apiVersion, kind, metadata, spec }: LogstashLink): string[] {
  const { problems } = parseLink({ apiVersion, kind, metadata: { name: metadata.name }, spec })
  return (problems ?? []).map(({ message }) => message).toSorted()
}

function linkIsInvalid(
  { link }: Observed,
  { specProblems = specProblemsOf(link) }: AcceptedContext,
): Accepted | undefined {
  return specProblems.length === 0 ? undefined : no('Invalid', specProblems)
}

function authSecretDoesNotExist({ link, named }: Observed): Accepted | undefined {
  const { auth } = link.spec
  if (auth === undefined || named.auth?.exists === true) return undefined
  return no('SecretNotFound', [
    `Secret ${auth.secretRef.name}, named by \`spec.auth.secretRef.name\`, does not exist; create it with the keys username and password.`,
  ])
}

function authSecretLacksKeys({ link, named }: Observed): Accepted | undefined {
  const { auth } = link.spec
  if (auth === undefined) return undefined
  const lacking = ['password', 'username'].filter((key) => !named.auth?.keys.includes(key))
  if (lacking.length === 0) return undefined
  return no('SecretInvalid', [
    `Secret ${auth.secretRef.name}, named by \`spec.auth.secretRef.name\`, lacks ${lacking.join(' and ')}.`,
  ])
}

function trustIsUnusable({ link }: Observed, { trust }: AcceptedContext): Accepted | undefined {
  if (trustKind(link) !== 'Secret' || trust?.problem === undefined) return undefined
  const reason = trust.reason === 'SecretNotFound' ? 'SecretNotFound' : 'SecretInvalid'
  return no(reason, [trust.problem])
}

function serviceDoesNotExist({ link, serviceExists }: Observed): Accepted | undefined {
  const { serviceRef } = link.spec.receiver
  if (serviceRef === undefined || serviceExists) return undefined
  return no('ServiceNotFound', [
    `Service ${serviceRef.name}, named by \`spec.receiver.serviceRef.name\`, does not exist.`,
  ])
}

function nameIsTaken(
  _observed: Observed,
  { conflicts = [] }: AcceptedContext,
): Accepted | undefined {
  if (conflicts.length === 0) return undefined
  return no('NameConflict', conflicts.map(({ message }) => message).toSorted())
}

function clusterRefusesObjects(
  _observed: Observed,
  { refused = [] }: AcceptedContext,
): Accepted | undefined {
  if (refused.length === 0) return undefined
  const sentences = refused.map(({ key, message }) => {
    return `The cluster refuses ${key.kind} ${key.name}: ${message}`
  })
  // What only another spec can mend goes before what may pass.
  const isForbidden = refused.every(({ reason }) => reason === 'Forbidden')
  return no(isForbidden ? 'Forbidden' : 'Invalid', sentences.toSorted())
}

function webhookIsNotReady({ webhook }: Observed): Accepted | undefined {
  return webhook === undefined ? undefined : no('WebhookNotReady', [webhook])
}

function no(reason: Accepted['reason'], sentences: readonly string[]): Accepted {
  return { status: 'False', reason, message: sentences.join(' ') }
}
