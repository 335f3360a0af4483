/** An Issuer with a CA of its own, in a namespace of the test cluster, by the real cert-manager. */
import assert from 'node:assert/strict'
import { eventually } from '../../support/eventually.ts'
import type { TestCluster } from './test-cluster.ts'

/** Resolves once it issues. */
export async function makeIssuer(
  { api }: Pick<TestCluster, 'api'>,
  namespace: string,
  name: string,
): Promise<void> {
  const apiVersion = 'cert-manager.io/v1'
  const at = `/apis/${apiVersion}/namespaces/${namespace}`
  const root = `${name}-root`
  await api.object('POST', `${at}/issuers`, {
    apiVersion,
    kind: 'Issuer',
    metadata: { name: root },
    spec: { selfSigned: {} },
  })
  await api.object('POST', `${at}/certificates`, {
    apiVersion,
    kind: 'Certificate',
    metadata: { name },
    spec: {
      isCA: true,
      commonName: `${name} of ${namespace}`,
      secretName: name,
      privateKey: { algorithm: 'ECDSA', size: 256 },
      issuerRef: { name: root, kind: 'Issuer' },
    },
  })
  await api.object('POST', `${at}/issuers`, {
    apiVersion,
    kind: 'Issuer',
    metadata: { name },
    spec: { ca: { secretName: name } },
  })
  await eventually(`Issuer ${name} is ready`, async () => {
    const { status } = await api.object<{
      status?: { conditions?: { type: string; status: string }[] }
    }>('GET', `${at}/issuers/${name}`)
    assert.equal(status?.conditions?.find(({ type }) => type === 'Ready')?.status, 'True')
  })
}
