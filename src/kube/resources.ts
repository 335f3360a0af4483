/** Kinds → paths of the API. The kinds that the product uses stand in a table; others are asked for once. */
import type { Kind, LabelSelector } from '../api/objects.ts'
import type { KubeClient } from './client.ts'
import { ClusterError } from './cluster.ts'
import { isNotFound } from './refusal.ts'

export interface Resource {
  plural: string
  namespaced: boolean
}

const inNamespace = (plural: string): Resource => ({ plural, namespaced: true })
const inCluster = (plural: string): Resource => ({ plural, namespaced: false })

const table: Readonly<Record<string, Resource>> = {
  'logstashlink.io/v1alpha1/LogstashLink': inNamespace('logstashlinks'),
  'v1/ConfigMap': inNamespace('configmaps'),
  'v1/Endpoints': inNamespace('endpoints'),
  'v1/Event': inNamespace('events'),
  'v1/Namespace': inCluster('namespaces'),
  'v1/Node': inCluster('nodes'),
  'v1/PersistentVolumeClaim': inNamespace('persistentvolumeclaims'),
  'v1/Pod': inNamespace('pods'),
  'v1/ResourceQuota': inNamespace('resourcequotas'),
  'v1/Secret': inNamespace('secrets'),
  'v1/Service': inNamespace('services'),
  'v1/ServiceAccount': inNamespace('serviceaccounts'),
  'discovery.k8s.io/v1/EndpointSlice': inNamespace('endpointslices'),
  'coordination.k8s.io/v1/Lease': inNamespace('leases'),
  'cert-manager.io/v1/Certificate': inNamespace('certificates'),
  'cert-manager.io/v1/CertificateRequest': inNamespace('certificaterequests'),
  'cert-manager.io/v1/Issuer': inNamespace('issuers'),
  'cert-manager.io/v1/ClusterIssuer': inCluster('clusterissuers'),
  'apps/v1/DaemonSet': inNamespace('daemonsets'),
  'apps/v1/Deployment': inNamespace('deployments'),
  'apps/v1/ReplicaSet': inNamespace('replicasets'),
  'apps/v1/StatefulSet': inNamespace('statefulsets'),
  'batch/v1/CronJob': inNamespace('cronjobs'),
  'batch/v1/Job': inNamespace('jobs'),
  'admissionregistration.k8s.io/v1/MutatingWebhookConfiguration': inCluster(
    'mutatingwebhookconfigurations',
  ),
  'admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy': inCluster(
    'validatingadmissionpolicies',
  ),
  'admissionregistration.k8s.io/v1/ValidatingAdmissionPolicyBinding': inCluster(
    'validatingadmissionpolicybindings',
  ),
  'rbac.authorization.k8s.io/v1/ClusterRole': inCluster('clusterroles'),
  'rbac.authorization.k8s.io/v1/ClusterRoleBinding': inCluster('clusterrolebindings'),
  'rbac.authorization.k8s.io/v1/Role': inNamespace('roles'),
  'rbac.authorization.k8s.io/v1/RoleBinding': inNamespace('rolebindings'),
  'policy/v1/PodDisruptionBudget': inNamespace('poddisruptionbudgets'),
  'networking.k8s.io/v1/NetworkPolicy': inNamespace('networkpolicies'),
  'apiextensions.k8s.io/v1/CustomResourceDefinition': inCluster('customresourcedefinitions'),
}

export interface Resources {
  /** Rejects with NotFound where the cluster has no such kind. */
  find(kind: Kind): Promise<Resource>
}

export function createResources(client: Pick<KubeClient, 'request'>): Resources {
  const discovered = new Map<string, Resource>()

  const discover = async (kind: Kind): Promise<Resource> => {
    const path = groupPath(kind.apiVersion)
    const list = await client
      .request<{ resources?: ApiResource[] }>({ method: 'GET', path })
      .catch((error: unknown): { resources?: ApiResource[] } => {
        if (isNotFound(error)) return {}
        throw error
      })
    for (const { name, namespaced, kind: its } of list.resources ?? []) {
      // Subresources stand in the same list, with a slash in their names.
      if (!name.includes('/')) {
        discovered.set(`${kind.apiVersion}/${its}`, { plural: name, namespaced })
      }
    }
    const found = discovered.get(kindId(kind))
    if (found !== undefined) return found
    throw new ClusterError('NotFound', `The cluster has no kind ${kind.kind} in ${kind.apiVersion}`)
  }

  return {
    async find(kind) {
      const id = kindId(kind)
      return table[id] ?? discovered.get(id) ?? discover(kind)
    },
  }
}

interface ApiResource {
  name: string
  namespaced: boolean
  kind: string
}

export function kindId({ apiVersion, kind }: Kind): string {
  return `${apiVersion}/${kind}`
}

function groupPath(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
}

/** Of all objects of a kind, of those of one namespace, or of one object. */
export function collectionPath(kind: Kind, { plural }: Resource, namespace?: string): string {
  const within = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`
  return `${groupPath(kind.apiVersion)}${within}/${plural}`
}

/** Invalid where a namespace is missing, or given to a kind that has none. */
export function objectPath(
  { namespace, name, ...kind }: Kind & { namespace?: string; name: string },
  resource: Resource,
): string {
  requireScope({ namespace, name, ...kind }, resource)
  return `${collectionPath(kind, resource, namespace)}/${encodeURIComponent(name)}`
}

export function requireScope(
  { kind, name, namespace }: { kind: string; name: string; namespace?: string | undefined },
  { namespaced }: Resource,
): void {
  if (namespaced === (namespace !== undefined)) return
  const expected = namespaced ? 'a namespace' : 'no namespace'
  throw new ClusterError('Invalid', `${kind} "${name}" is invalid: it must have ${expected}`)
}

/** As in the query of a request; undefined where it selects everything. Invalid for an operator that there is not. */
export function selectorText(selector: LabelSelector | undefined): string | undefined {
  const equal = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`)
  const expressions = (selector?.matchExpressions ?? []).map(({ key, operator, values = [] }) => {
    switch (operator) {
      case 'In':
        return `${key} in (${values.toSorted().join(',')})`
      case 'NotIn':
        return `${key} notin (${values.toSorted().join(',')})`
      case 'Exists':
        return key
      case 'DoesNotExist':
        return `!${key}`
      default:
        throw new ClusterError(
          'Invalid',
          `Expected a selector's operator to be In, NotIn, Exists or DoesNotExist, got ${operator}`,
        )
    }
  })
  const text = [...equal, ...expressions].toSorted().join(',')
  return text === '' ? undefined : text
}
