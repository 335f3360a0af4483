/** Who signs a Certificate: itself (SelfSigned), a CA out of a Secret, or, where its issuer is none of these, our own CA. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import type { Kind, KubeObject } from '../../api/objects.ts'
import type { Cluster } from '../../kube/cluster.ts'
import type { Signer } from '../ca/certificate.ts'
import { createAuthority, type Authority } from '../ca/issue.ts'
import type { Log } from '../../telemetry/log.ts'
import type { Certificate } from './certificate.ts'

/**
 * `self`: the certificate's own key signs. `waiting`: cannot be said yet, and why. `unknown`: it names an issuer that is
 * not there while others are.
 */
export type SignerChoice =
  | { kind: 'self' }
  | { kind: 'authority'; signer: Signer; chain: string; caPem: string; notAfter: Date }
  | { kind: 'waiting'; message: string }
  | { kind: 'unknown'; message: string }

interface Issuer extends KubeObject {
  spec?: { selfSigned?: object; ca?: { secretName: string }; [type: string]: unknown }
}

const issuerGroup = 'cert-manager.io'
const apiVersion = `${issuerGroup}/v1`
export const issuerKinds: Kind[] = ['Issuer', 'ClusterIssuer'].map((kind) => ({
  apiVersion,
  kind,
}))
/** Where cert-manager looks for the Secrets of ClusterIssuers. */
const clusterResourceNamespace = 'cert-manager'
const tenYears = 3650

export interface Signers {
  choose(certificate: Certificate): Promise<SignerChoice>
}

export function createSigners(cluster: Cluster, log: Log, now: () => Date): Signers {
  const standIns = new Map<string, Promise<Authority>>()

  function standIn(issuer: string, why: string): Promise<Authority> {
    const known = standIns.get(issuer)
    if (known) return known
    log.warn({ issuer, why }, 'a local CA stands in for an issuer')
    const made = createAuthority({ commonName: `local ${issuer}`, now, days: tenYears })
    standIns.set(issuer, made)
    return made
  }

  async function noIssuerIsThere(): Promise<boolean> {
    const lists = await Promise.all(issuerKinds.map(async (each) => cluster.list(each, {})))
    return lists.every(({ length }) => length === 0)
  }

  return {
    async choose({ metadata, spec }) {
      const { name, kind = 'Issuer', group = issuerGroup } = spec.issuerRef
      const isCluster = kind === 'ClusterIssuer'
      const namespace = metadata.namespace ?? 'default'
      const isForeign = group !== issuerGroup
      const issuer = isForeign
        ? undefined
        : await cluster.get<Issuer>({
            apiVersion,
            kind,
            name,
            ...(isCluster ? {} : { namespace }),
          })
      // Whoever brings issuers means one of them: a name that none has is a slip, which cert-manager would not sign for.
      if (issuer === undefined && !isForeign && !(await noIssuerIsThere())) {
        const where = isCluster ? '' : ` in namespace ${namespace}`
        return { kind: 'unknown', message: `${kind} ${name} not found${where}` }
      }
      if (issuer?.spec?.selfSigned) return { kind: 'self' }
      if (issuer?.spec?.ca) {
        const where = isCluster ? clusterResourceNamespace : namespace
        return await fromSecret(cluster, where, issuer.spec.ca.secretName)
      }
      const types = Object.keys(issuer?.spec ?? {}).join(', ')
      const why = issuer
        ? `local knows selfSigned and ca, not ${types}`
        : isForeign
          ? `local has no issuers of the group ${group}`
          : 'the manifests hold no issuer'
      const { signer, caPem, notAfter } = await standIn(
        isCluster ? name : `${namespace}/${name}`,
        why,
      )
      return { kind: 'authority', signer, chain: '', caPem, notAfter }
    },
  }
}

async function fromSecret(
  cluster: Cluster,
  namespace: string,
  name: string,
): Promise<SignerChoice> {
  const secret = await cluster.get({ apiVersion: 'v1', kind: 'Secret', namespace, name })
  const data = (secret?.['data'] ?? {}) as Record<string, string | undefined>
  const [chain, key, root] = ['tls.crt', 'tls.key', 'ca.crt'].map((field) =>
    Buffer.from(data[field] ?? '', 'base64').toString(),
  )
  if (!chain || !key) {
    const message = `Secret ${namespace}/${name} of the issuer has no tls.crt and tls.key yet`
    return { kind: 'waiting', message }
  }
  const certificate = new X509Certificate(chain)
  const commonName = /^CN=([^\n]*)$/.exec(certificate.subject ?? '')?.[1]
  if (commonName === undefined && certificate.subject) {
    const message = `The subject of the CA in Secret ${namespace}/${name} is more than a common name, which local does not sign with`
    return { kind: 'waiting', message }
  }
  const isRoot = certificate.checkIssued(certificate)
  return {
    kind: 'authority',
    signer: {
      commonName: commonName ?? '',
      publicKey: certificate.publicKey,
      privateKey: createPrivateKey(key),
    },
    // Clients have the root; what lies between goes along with the leaf.
    chain: isRoot ? '' : chain,
    caPem: root || chain,
    notAfter: certificate.validToDate,
  }
}
