/** Where the programs of the test cluster lie: outside the work tree, so that every checkout finds them built. */
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

export type Binary =
  | 'etcd'
  | 'kube-apiserver'
  | 'kube-controller-manager'
  | 'kubectl'
  | 'cert-manager'
  | 'kwok'
  | 'helm'

/** As kit/build.sh has it: programs in `bin`, manifests of cert-manager and kwok in `manifests`. */
export function clusterHome(env: NodeJS.ProcessEnv = process.env): string {
  const cache = env['XDG_CACHE_HOME'] || join(env['HOME'] ?? homedir(), '.cache')
  return env['CLUSTER_HOME'] || join(cache, 'logstash-link-cluster')
}

/** Path of a program; those that `KUBEBUILDER_ASSETS` holds are taken from there. Throws where it was not built. */
export function binary(name: Binary, env: NodeJS.ProcessEnv = process.env): string {
  const assets = env['KUBEBUILDER_ASSETS']
  const places = [...(assets ? [assets] : []), join(clusterHome(env), 'bin')]
  const found = places.map((place) => join(place, name)).find((path) => existsSync(path))
  if (found === undefined) {
    throw new Error(
      `Expected ${name} in ${places.join(' or ')}: test/cluster/kit/build.sh builds it`,
    )
  }
  return found
}
