/** "Injection never hurts the application", as assertions on an injected pod: before an API server saw it, and after. */
import assert from 'node:assert/strict'
import type { V1Container, V1Pod } from '@kubernetes/client-node'
import type { KubeObject } from '../../src/api/objects.ts'

const tokenPath = '/var/run/secrets/kubernetes.io/serviceaccount'

/** Containers that are ours, in their order. */
export function sidecarsOf(pod: KubeObject): V1Container[] {
  return (specOf(pod).initContainers ?? []).filter(({ name }) => name.startsWith('lsl-'))
}

/** @param volumes of the pod that its links name */
export function assertHarmless(pod: KubeObject, volumes: readonly string[] = []): void {
  const sidecars = sidecarsOf(pod)
  assert.ok(sidecars.length > 0, 'nothing was injected')
  const firsts = (specOf(pod).initContainers ?? []).slice(0, sidecars.length)
  assert.deepEqual(firsts, sidecars, 'sidecars come first')
  const health = sidecars.map((sidecar) => assertSidecar(pod, sidecar, volumes))
  assert.equal(new Set(health).size, health.length, 'each has a health port of its own')
  assert.equal(pod.metadata.labels?.['logstashlink.io/injected'], 'true')
}

/** @returns its health port */
function assertSidecar(pod: KubeObject, sidecar: V1Container, volumes: readonly string[]): number {
  const { name, startupProbe, livenessProbe, readinessProbe } = sidecar
  assert.equal(sidecar.restartPolicy, 'Always')
  const port = Number(sidecar.args?.at(-1))
  assert.ok(port >= 9601, `${name} listens for probes at ${port}`)
  // Whether the process is up: no identity, hosts or network needed.
  assert.partialDeepStrictEqual(startupProbe, { httpGet: { path: '/healthz', port } })
  assert.partialDeepStrictEqual(livenessProbe, { httpGet: { path: '/healthz', port } })
  // A sender never takes the application out of its Service.
  if (name.startsWith('lsl-sender-')) assert.equal(readinessProbe, undefined)
  else assert.partialDeepStrictEqual(readinessProbe, { httpGet: { path: '/readyz', port } })
  assert.equal(sidecar.lifecycle, undefined)
  assertRestricted(sidecar)
  assertMounts(pod, sidecar, volumes)
  return port
}

function assertRestricted({ name, securityContext }: V1Container): void {
  const { runAsUser = 0, ...rest } = securityContext ?? {}
  assert.ok(runAsUser > 0, `${name} runs as ${runAsUser}`)
  assert.deepEqual(rest, {
    runAsNonRoot: true,
    privileged: false,
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
    seccompProfile: { type: 'RuntimeDefault' },
  })
}

/** Nothing but what is ours and what links name; all that may be absent is optional; no token. */
function assertMounts(pod: KubeObject, sidecar: V1Container, named: readonly string[]): void {
  const own = `${sidecar.name}-`
  const mounts = sidecar.volumeMounts ?? []
  for (const mount of mounts) {
    assert.ok(mount.name.startsWith(own) || named.includes(mount.name), `mounts ${mount.name}`)
    assert.equal(mount.subPath, undefined)
    assert.equal(mount.subPathExpr, undefined)
    const volume = (specOf(pod).volumes ?? []).find(({ name }) => name === mount.name)
    const { name: _, ...sources } = volume ?? {}
    const [source = '', ...more] = Object.keys(sources)
    assert.deepEqual(more, [])
    if (named.includes(mount.name)) {
      assert.ok(['emptyDir', 'persistentVolumeClaim'].includes(source), source)
    } else if (source !== 'emptyDir') {
      assert.equal(
        (volume?.secret ?? volume?.configMap)?.optional,
        true,
        `${mount.name} is optional`,
      )
    }
  }
  const token = mounts.filter(({ mountPath }) => mountPath === tokenPath)
  assert.deepEqual(
    token.map(({ name }) => name),
    [`${own}token`],
    'an empty directory lies over the token',
  )
  const env = sidecar.env ?? []
  assert.ok(
    env.every(({ valueFrom }) => valueFrom?.fieldRef !== undefined),
    'no secret in the environment',
  )
  assert.equal(sidecar.envFrom, undefined)
}

function specOf(pod: KubeObject): NonNullable<V1Pod['spec']> {
  return pod['spec'] as NonNullable<V1Pod['spec']>
}
