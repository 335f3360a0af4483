/** Certificates of cert-manager, renewed before their time, and which leaf is served meanwhile. */
import assert from 'node:assert/strict'
import { openssl } from '../../support/openssl.ts'
import type { ClusterClient } from './cluster-client.ts'

/** As `cmctl renew`: resolves once it was asked for. */
export async function renewCertificate(
  { api }: Pick<ClusterClient, 'api'>,
  namespace: string,
  name: string,
): Promise<void> {
  const path = `/apis/cert-manager.io/v1/namespaces/${namespace}/certificates/${name}/status`
  const value = {
    type: 'Issuing',
    status: 'True',
    reason: 'ManuallyTriggered',
    message: 'By a test',
    lastTransitionTime: new Date().toISOString(),
  }
  const patch = [{ op: 'add', path: '/status/conditions/-', value }]
  await api.object('PATCH', path, patch, 'application/json-patch+json')
}

/** Fingerprint of the leaf that is served there, to a client without a certificate too. */
export function leafAt(ip: string, port: number): string {
  const { output } = openssl(['s_client', '-connect', `${ip}:${port}`])
  const fingerprint = openssl(['x509', '-noout', '-fingerprint'], output)
  assert.ok(fingerprint.ok, fingerprint.output)
  return fingerprint.output
}
