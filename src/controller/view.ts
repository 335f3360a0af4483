/** What the watches show of the surroundings of a link. All of it is in memory; links are named by their keys. */
import type { KubeObject, ObjectKey } from '../api/objects.ts'
import type { EndpointSlice } from '../api/observed.ts'

export interface View {
  /** Those that the link's selectors pick or that carry a sidecar of it, reduced; finished ones without sidecar are left out. */
  pods: (link: string) => KubeObject[]
  slices: (namespace: string, service: string) => EndpointSlice[]
  /** Objects of ours that stand for the link, wanted or not; no Secrets. */
  standing: (link: string) => ObjectKey[]
  /** Names of the link's that others have taken, as far as they are watched. */
  taken(link: string): ObjectKey[]
  /** Node name → zone; empty while no link prefers its own. */
  zones(): Record<string, string>
  /** Runs an own write, so that no watch's report of it brings the link back. */
  writing: <T extends KubeObject>(
    link: string,
    object: KubeObject,
    write: () => Promise<T>,
  ) => Promise<T>
  removed(key: ObjectKey): void
  setTaken(link: string, keys: readonly ObjectKey[]): void
}
