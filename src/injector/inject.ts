/** Pod → the same pod with the sidecars of the links that want it, and the patch between the two. */
import { injectionHash, injectionText, skipText } from '../api/injection.ts'
import type { LogstashLink } from '../api/link.ts'
import { injectedAnnotation, injectedLabel, labels, sidecarName, type Role } from '../api/names.ts'
import type { KubeObject } from '../api/objects.ts'
import type { OperatorOptions } from '../api/operator-options.ts'
import { defaultGraceSeconds } from '../desired/grace.ts'
import { receiverSidecar, senderSidecar } from '../desired/sidecar-container.ts'
import { sidecarVolumes } from '../desired/sidecar-volumes.ts'
import { fileMounts } from './file-mounts.ts'
import { patchList, patchMap, type JsonPatchOperation } from './json-patch.ts'
import { place, standingOf, wantedIn, type Left, type Placed, type Wanted } from './placements.ts'
import { commonUser, isGuaranteed, sharedResources } from './pod-facts.ts'
import type { Pod, PodContainer, PodVolume } from './pod.ts'
import type { SkipReason } from './refusals.ts'

export interface InjectInput {
  /** As admission shows it at CREATE; it may have no name yet. */
  pod: KubeObject
  namespace: string
  /** All links of the namespace; those of others are passed over. */
  links: readonly LogstashLink[]
  options: OperatorOptions
}

export interface InjectOutput {
  pod: KubeObject
  patch: JsonPatchOperation[]
  /** By name of the link. */
  injected: { link: string; role: Role }[]
  skipped: { link: string; role: Role; reason: SkipReason; message: string }[]
}

/** Reasons that the pod's own labels show: no annotation repeats them. */
const shownElsewhere: readonly SkipReason[] = ['OptedOut']

/**
 * Never throws for a pod that the API server would take, and gives an empty patch for a pod that it has injected before.
 * What others put into the pod, before or since, stays as it is and where it is.
 */
export function inject({ pod: original, namespace, links, options }: InjectInput): InjectOutput {
  const pod = original as Pod
  const wanted = wantedIn(pod, namespace, links)
  const standing = wanted.map((each) => ({ ...each, state: standingOf(pod, each) }))
  const base = without(
    pod,
    standing.filter(({ state }) => state === 'outdated'),
  )
  const { placed, skipped } = place(base, standing)
  const keeps = standing.some(({ state }) => state === 'current')
  const result = withSidecars(base, { placed, skipped, keeps }, options)
  return {
    pod: result,
    patch: patchOf(pod, result),
    injected: placed.map(({ link, role }) => ({ link: link.metadata.name, role })),
    skipped: skipped.map(({ link, role, reason, message }) => ({
      link: link.metadata.name,
      role,
      reason,
      message,
    })),
  }
}

function withSidecars(
  pod: Pod,
  { placed, skipped, keeps }: { placed: Placed[]; skipped: Left[]; keeps: boolean },
  options: OperatorOptions,
): Pod {
  const user = commonUser(pod.spec)
  const common = {
    options,
    guaranteed: isGuaranteed(pod.spec),
    shared: sharedResources(pod.spec),
    graceSeconds: pod.spec.terminationGracePeriodSeconds ?? defaultGraceSeconds,
    ...(user === undefined ? {} : { user }),
  }
  const containers = placed.map(({ link, role, healthPort }) =>
    role === 'receiver'
      ? receiverSidecar(link, { ...common, healthPort })
      : senderSidecar(link, {
          ...common,
          healthPort,
          fileMounts: fileMounts(pod, link).paths ?? [],
        }),
  )
  const volumes = placed.flatMap(({ link, role }) => sidecarVolumes(link, role))
  const marks = placed.map(({ link, role }) => [injectedLabel(link.metadata.name, role), 'true'])
  const isInjected = keeps || placed.length > 0
  const notes = [
    ...placed.map((each) => [annotationOf(each), injectionText(injectionOf(each))]),
    ...skipped
      .filter(({ reason }) => !shownElsewhere.includes(reason))
      .map((each) => [
        annotationOf(each),
        skipText({ ...each, hash: injectionHash(each.link, each.role) }),
      ]),
  ]
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      ...merged('labels', pod.metadata.labels, [
        ...(isInjected ? [[labels.injected, 'true']] : []),
        ...marks,
      ]),
      ...merged('annotations', pod.metadata.annotations, notes),
    },
    spec: {
      ...pod.spec,
      // The head: what the application's own init containers send finds us there, and ours end last.
      ...listed('initContainers', pod.spec.initContainers, [
        ...(containers as unknown as PodContainer[]),
        ...(pod.spec.initContainers ?? []),
      ]),
      ...listed('volumes', pod.spec.volumes, [
        ...(pod.spec.volumes ?? []),
        ...(volumes as unknown as PodVolume[]),
      ]),
    },
  }
}

/** The pod before an earlier injection of these. */
function without(pod: Pod, outdated: readonly Wanted[]): Pod {
  if (outdated.length === 0) return pod
  const keys = new Set([
    labels.injected,
    ...outdated.flatMap((each) => [
      annotationOf(each),
      injectedLabel(each.link.metadata.name, each.role),
    ]),
  ])
  const names = new Set(outdated.map(({ link, role }) => sidecarName(link.metadata.name, role)))
  const isOurs = (volume: PodVolume) =>
    [...names].some((name) => volume.name.replace(/-[a-z]+$/, '') === name)
  const { annotations = {} } = pod.metadata
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      labels: Object.fromEntries(
        Object.entries(pod.metadata.labels ?? {}).filter(([key]) => !keys.has(key)),
      ),
      annotations: Object.fromEntries(
        Object.entries(annotations).filter(([key]) => !keys.has(key)),
      ),
    },
    spec: {
      ...pod.spec,
      initContainers: (pod.spec.initContainers ?? []).filter(({ name }) => !names.has(name)),
      volumes: (pod.spec.volumes ?? []).filter((volume) => !isOurs(volume)),
    },
  }
}

function patchOf(before: Pod, after: Pod): JsonPatchOperation[] {
  return [
    ...patchMap('/metadata/labels', before.metadata.labels, after.metadata.labels ?? {}),
    ...patchMap(
      '/metadata/annotations',
      before.metadata.annotations,
      after.metadata.annotations ?? {},
    ),
    ...patchList('/spec/volumes', before.spec.volumes, after.spec.volumes ?? []),
    ...patchList(
      '/spec/initContainers',
      before.spec.initContainers,
      after.spec.initContainers ?? [],
    ),
  ]
}

function injectionOf({ link, role, healthPort }: Placed) {
  const port = role === 'receiver' ? { port: link.spec.receiver.port } : {}
  return { hash: injectionHash(link, role), healthPort, ...port }
}

function annotationOf({ link, role }: Wanted): string {
  return injectedAnnotation(link.metadata.name, role)
}

/** A map that was absent stays absent while nothing goes into it. */
function merged(
  field: 'labels' | 'annotations',
  before: Record<string, string> | undefined,
  more: string[][],
): object {
  if (before === undefined && more.length === 0) return {}
  return { [field]: { ...before, ...Object.fromEntries(more) } }
}

/** So does a list. */
function listed(
  field: 'initContainers' | 'volumes',
  before: readonly object[] | undefined,
  items: readonly object[],
): object {
  return before === undefined && items.length === 0 ? {} : { [field]: items }
}
