/** What whoever runs the operator chooses for all links. */
export interface OperatorOptions {
  /** Image of both sidecars. */
  image: string
  /** `cluster.local` unless the cluster was set up otherwise. */
  clusterDomain: string
  imagePullPolicy?: 'Always' | 'IfNotPresent' | 'Never'
  /** Resources of sidecars whose link says nothing; each amount replaces the one of `defaultResources`. */
  defaultResources?: SidecarResources
}

/** Amounts such as 50m or 128Mi by resource name. */
interface SidecarResources {
  requests?: Record<string, string>
  limits?: Record<string, string>
}
