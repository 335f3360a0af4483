/** The kinds that `local` knows, in the order in which they are applied, and what it refuses of them. Pure. */
import { parseLink } from '../api/validate.ts'
import { apiVersion as linkVersion, kind as linkKind } from '../api/names.ts'
import type { KubeObject } from '../api/objects.ts'
import { podProblems } from './check-pod.ts'
import { goDuration, type Certificate } from './issuer/certificate.ts'
import type { Pod } from './pod.ts'
import { jobProblems, type Job } from './workloads/job.ts'
import type { StatefulSet } from './workloads/stateful-set.ts'
import type { Workload } from './workloads/workload.ts'

interface KnownKind {
  apiVersion: string
  kind: string
  clusterScoped?: true
  check?: (object: KubeObject) => string[]
}

const certManager = 'cert-manager.io/v1'

/** What others refer to comes first; links come before the pods that they inject into. */
const known: readonly KnownKind[] = [
  { apiVersion: 'v1', kind: 'Namespace', clusterScoped: true },
  { apiVersion: 'v1', kind: 'ServiceAccount' },
  { apiVersion: 'v1', kind: 'ConfigMap' },
  { apiVersion: 'v1', kind: 'Secret' },
  { apiVersion: 'v1', kind: 'PersistentVolumeClaim' },
  { apiVersion: certManager, kind: 'ClusterIssuer', clusterScoped: true },
  { apiVersion: certManager, kind: 'Issuer' },
  { apiVersion: certManager, kind: 'Certificate', check: certificateProblems },
  { apiVersion: 'v1', kind: 'Service' },
  { apiVersion: linkVersion, kind: linkKind, check: linkProblems },
  { apiVersion: 'v1', kind: 'Pod', check: (object) => podProblems((object as Pod).spec, 'spec') },
  { apiVersion: 'apps/v1', kind: 'Deployment', check: workloadProblems },
  { apiVersion: 'apps/v1', kind: 'StatefulSet', check: statefulSetProblems },
  { apiVersion: 'batch/v1', kind: 'Job', check: jobProblemsOf },
]

function find({ apiVersion, kind }: KubeObject): KnownKind | undefined {
  return known.find((each) => each.kind === kind && each.apiVersion === apiVersion)
}

/** Place in the order of applying. */
export function rankOf(object: KubeObject): number {
  return known.findIndex((each) => each === find(object))
}

/** The object as the API server would take it: in a namespace, unless its kind has none. */
export function inNamespace(object: KubeObject): KubeObject {
  if (find(object)?.clusterScoped) return object
  const { namespace = 'default' } = object.metadata
  return { ...object, metadata: { ...object.metadata, namespace } }
}

/** Sentences for what local cannot do with an object; empty when all is well. */
export function checkObject(object: KubeObject): string[] {
  const kind = find(object)
  if (kind === undefined) {
    const namesake = known.find((each) => each.kind === object.kind)
    if (namesake !== undefined) {
      const { kind: name, metadata, apiVersion } = object
      return [
        `${name} ${metadata.name}: Expected \`apiVersion\` to be ${namesake.apiVersion}, got ${apiVersion}`,
      ]
    }
    const kinds = known.map((each) => each.kind).join(', ')
    return [`${object.kind} (${object.apiVersion}) is not run by local, which knows ${kinds}`]
  }
  return (kind.check?.(object) ?? []).map(
    (problem) => `${object.kind} ${object.metadata.name}: ${problem}`,
  )
}

function linkProblems(object: KubeObject): string[] {
  return (parseLink(object).problems ?? []).map(({ message }) => message)
}

function jobProblemsOf(object: KubeObject): string[] {
  const { spec } = object as Partial<Job>
  return [...podProblems(spec?.template?.spec, 'spec.template.spec'), ...jobProblems({ ...spec })]
}

/** The volumes of claim templates are the pod's as well. */
function statefulSetProblems(object: KubeObject): string[] {
  const { spec } = object as Partial<StatefulSet>
  const template = spec?.template
  const claims = (spec?.volumeClaimTemplates ?? []).map(({ metadata: { name } }) => ({
    name,
    persistentVolumeClaim: { claimName: name },
  }))
  if (claims.length === 0 || template?.spec === undefined) return workloadProblems(object)
  const volumes = [...(template.spec.volumes ?? []), ...claims]
  const pod = { ...template, spec: { ...template.spec, volumes } }
  return workloadProblems({ ...object, spec: { ...spec, template: pod } })
}

function workloadProblems(object: KubeObject): string[] {
  const { spec } = object as Partial<Workload>
  const labels = spec?.template?.metadata?.labels ?? {}
  const wanted = Object.entries(spec?.selector?.matchLabels ?? {})
  const problems = podProblems(spec?.template?.spec, 'spec.template.spec')
  if (wanted.length === 0)
    problems.push('Expected `spec.selector.matchLabels` to name labels, got none')
  for (const [key, value] of wanted) {
    if (labels[key] === value) continue
    const got = JSON.stringify(labels[key] ?? null)
    problems.push(
      `Expected \`spec.template.metadata.labels\` to have what the selector wants, ${key}: ${value}, got ${got}`,
    )
  }
  return problems
}

function certificateProblems(object: KubeObject): string[] {
  const { spec } = object as Partial<Certificate>
  const problems: string[] = []
  if (!spec?.secretName) problems.push('Expected `spec.secretName` to be text, got none')
  if (!spec?.issuerRef?.name) problems.push('Expected `spec.issuerRef.name` to be text, got none')
  for (const field of ['duration', 'renewBefore'] as const) {
    const value = spec?.[field]
    if (value === undefined || goDuration(value) > 0) continue
    problems.push(
      `Expected \`spec.${field}\` to be a duration such as 2160h, got ${JSON.stringify(value)}`,
    )
  }
  return problems
}
