/** What is kept of objects in memory: of pods little, of Secrets certificates alone. Each may be given its own result. */
import { annotations, group, sidecarName } from '../api/names.ts'
import type { KubeObject } from '../api/objects.ts'
import type { EndpointSlice } from '../api/observed.ts'
import { isOnlyCertificateBlocks } from '../discovery/certificates.ts'
import { serviceNameLabel } from './kinds.ts'

/** The fields of v1 Pod that are kept. */
export interface Pod extends KubeObject {
  spec?: { hostNetwork?: boolean }
  status?: {
    phase?: string
    podIP?: string
    podIPs?: { ip: string }[]
    conditions?: { type: string; status: string }[]
    initContainerStatuses?: { name: string; ready?: boolean }[]
  }
}

const sidecarNames = ['receiver', 'sender'].map((role) => sidecarName('', role as 'receiver'))

/** Pods change often in ways that say nothing (probes, our own nudge). */
export function reducedPod({ apiVersion, kind, metadata, ...rest }: KubeObject): KubeObject {
  const { spec, status } = rest as Pod
  const ready = status?.conditions?.filter(({ type }) => type === 'Ready')
  const sidecars = status?.initContainerStatuses?.filter(({ name }) =>
    sidecarNames.some((prefix) => name.startsWith(prefix)),
  )
  return {
    apiVersion,
    kind,
    metadata: notedMeta(metadata, (key) => key.includes(`${group}/`) && key !== annotations.nudged),
    ...(spec?.hostNetwork === true ? { spec: { hostNetwork: true } } : {}),
    ...(status === undefined
      ? {}
      : {
          status: {
            ...(status.phase === undefined ? {} : { phase: status.phase }),
            ...(status.podIP === undefined ? {} : { podIP: status.podIP }),
            ...(status.podIPs === undefined ? {} : { podIPs: status.podIPs }),
            ...(ready === undefined
              ? {}
              : { conditions: ready.map(({ type, status: is }) => ({ type, status: is })) }),
            ...(sidecars === undefined
              ? {}
              : {
                  initContainerStatuses: sidecars.map(({ name, ready: is }) => {
                    return { name, ready: is === true }
                  }),
                }),
          },
        }),
  }
}

export function reducedSlice(object: KubeObject): KubeObject {
  const { apiVersion, kind, metadata, addressType, endpoints, ports } = object as EndpointSlice
  const { labels, ...meta } = reducedMeta(metadata)
  const service = labels?.[serviceNameLabel]
  return {
    apiVersion,
    kind,
    metadata: {
      ...meta,
      ...(service === undefined ? {} : { labels: { [serviceNameLabel]: service } }),
    },
    addressType,
    endpoints: (endpoints ?? []).map(({ addresses, conditions, nodeName, zone, targetRef }) => ({
      addresses,
      ...(conditions === undefined ? {} : { conditions }),
      ...(nodeName === undefined ? {} : { nodeName }),
      ...(zone === undefined ? {} : { zone }),
      ...(targetRef?.uid === undefined ? {} : { targetRef: { uid: targetRef.uid } }),
    })),
    ...(ports === undefined ? {} : { ports }),
  }
}

/** Stands in place of a value that is nobody's business here; it is no certificate, and says so to whoever takes it for one. */
const withheld = Buffer.from('withheld').toString('base64')

/** All keys, but of their values only those that hold certificates and nothing else: no private key, no password. */
export function reducedSecret(object: KubeObject): KubeObject {
  const { apiVersion, kind, metadata, type } = object
  const data = (object['data'] as Record<string, string> | undefined) ?? {}
  const values = Object.entries(data).map(([key, value]) => [key, publicPart(value)])
  return {
    apiVersion,
    kind,
    // kubectl keeps a copy of all values in an annotation.
    metadata: notedMeta(
      metadata,
      (key) => key.startsWith(`${group}/`) || key.startsWith('cert-manager.io/'),
    ),
    ...(type === undefined ? {} : { type }),
    data: Object.fromEntries(values),
  }
}

function publicPart(value: string): string {
  const isPublic =
    value === '' || isOnlyCertificateBlocks(Buffer.from(value, 'base64').toString('latin1'))
  return isPublic ? value : withheld
}

/** With those of its annotations that are wanted. */
function notedMeta(
  metadata: KubeObject['metadata'],
  isWanted: (key: string) => boolean,
): KubeObject['metadata'] {
  const noted = Object.entries(metadata.annotations ?? {}).filter(([key]) => isWanted(key))
  return {
    ...reducedMeta(metadata),
    ...(noted.length === 0 ? {} : { annotations: Object.fromEntries(noted) }),
  }
}

function reducedMeta(metadata: KubeObject['metadata']): KubeObject['metadata'] {
  const { annotations: _annotations, finalizers: _finalizers, generation, ...rest } = metadata
  const { name, namespace, uid, resourceVersion, labels, ownerReferences } = rest
  const { creationTimestamp, deletionTimestamp } = rest
  return {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(generation === undefined ? {} : { generation }),
    ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    ...(labels === undefined ? {} : { labels }),
    ...(ownerReferences === undefined ? {} : { ownerReferences }),
  }
}
