/** Stands in cert-manager's place: fulfils Certificate objects by real X.509, renews them before they expire. */
import { isDeepStrictEqual } from 'node:util'
import type { KubeObject } from '../../api/objects.ts'
import { keyOf } from '../../api/objects.ts'
import type { Cluster } from '../../kube/cluster.ts'
import type { Log } from '../../telemetry/log.ts'
import { encodeKeystore, encodeTruststore } from '../ca/pkcs12.ts'
import { startLoop, type Loop } from '../loop.ts'
import {
  annotations,
  certificateKind,
  issuedFor,
  notReadyStatus,
  readyStatus,
  renewalTime,
  type Certificate,
} from './certificate.ts'
import { readLeaf, signLeaf, type Leaf } from './leaf.ts'
import { createSigners, issuerKinds } from './signers.ts'

const secretKind = { apiVersion: 'v1', kind: 'Secret' }

export function startIssuer(input: { cluster: Cluster; log: Log; now: () => Date }): Loop {
  const { cluster, log, now } = input
  const signers = createSigners(cluster, log, now)
  const namesOf = new Map<string, Set<string>>()
  const known = (namespace: string): string[] => [...(namesOf.get(namespace) ?? [])]
  const remember = (object: KubeObject): string[] => {
    const namespace = object.metadata.namespace ?? 'default'
    const names = namesOf.get(namespace) ?? new Set()
    namesOf.set(namespace, names.add(keyOf(object)))
    return [keyOf(object)]
  }

  return startLoop({
    cluster,
    log,
    name: 'issuer',
    sources: [
      { kind: certificateKind, keys: remember },
      // A Secret may be the identity itself, an issuer's CA, or a password.
      { kind: secretKind, keys: ({ metadata }) => known(metadata.namespace ?? 'default') },
      // The first issuer anywhere ends the time in which a CA of ours stands in.
      ...issuerKinds.map((kind) => ({ kind, keys: () => [...namesOf.keys()].flatMap(known) })),
    ],
    reconcile,
  })

  async function reconcile(key: string): Promise<number | undefined> {
    const [namespace = '', name = ''] = key.split('/')
    const certificate = await cluster.get<Certificate>({ ...certificateKind, namespace, name })
    if (certificate === undefined || certificate.metadata.deletionTimestamp !== undefined) {
      return undefined
    }
    const choice = await signers.choose(certificate)
    if (choice.kind === 'waiting') return await wait(certificate, 'Pending', choice.message)
    if (choice.kind === 'unknown') {
      return await wait(certificate, 'IssuerNotFound', choice.message, true)
    }
    const password = await keystorePassword(certificate)
    if (password !== undefined && 'missing' in password) {
      return await wait(certificate, 'SecretNotFound', password.missing)
    }

    const { spec, status } = certificate
    const secret = await cluster.get({ ...secretKind, namespace, name: spec.secretName })
    const data = (secret?.['data'] ?? {}) as Record<string, string>
    const former = readLeaf(data)
    const digest = issuedFor(certificate)
    const isCurrent =
      former !== undefined &&
      secret?.metadata.annotations?.[annotations.issuedFor] === digest &&
      renewalTime(certificate, former.notBefore, former.notAfter) > now()
    const keeps = spec.privateKey?.rotationPolicy === 'Never' ? former?.keyPem : undefined
    const leaf = isCurrent ? former : await signLeaf(certificate, choice, keeps, now())

    const meta = secretMeta(certificate, digest)
    const hasStores = password === undefined || ('keystore.p12' in data && 'truststore.p12' in data)
    const isWritten = isCurrent && hasStores && hasAll(secret?.metadata, meta)
    if (!isWritten) await writeSecret(certificate, leaf, meta, password?.value)
    const revision = (status?.revision ?? 0) + (isCurrent ? 0 : 1)
    if (!isCurrent) {
      log.info({ certificate: key, revision, notAfter: leaf.notAfter }, 'issued a certificate')
    }
    const renewal = renewalTime(certificate, leaf.notBefore, leaf.notAfter)
    await writeStatus(
      certificate,
      readyStatus(certificate, { ...leaf, renewal, revision: Math.max(1, revision) }, now()),
    )
    return Math.max(0, renewal.getTime() - now().getTime())
  }

  async function keystorePassword({
    metadata,
    spec,
  }: Certificate): Promise<{ value: string } | { missing: string } | undefined> {
    const store = spec.keystores?.pkcs12
    if (!store?.create) return undefined
    if (store.password !== undefined) return { value: store.password }
    const { name = '', key = 'password' } = store.passwordSecretRef ?? {}
    const { namespace = 'default' } = metadata
    const secret = await cluster.get({ ...secretKind, namespace, name })
    const encoded = (secret?.['data'] as Record<string, string> | undefined)?.[key]
    if (encoded === undefined)
      return { missing: `Secret ${name} with the key ${key} does not exist` }
    return { value: Buffer.from(encoded, 'base64').toString() }
  }

  async function writeSecret(
    { metadata, spec }: Certificate,
    leaf: Leaf,
    meta: ReturnType<typeof secretMeta>,
    password: string | undefined,
  ): Promise<void> {
    const files: Record<string, Buffer | string> = {
      'tls.crt': leaf.certPem,
      'tls.key': leaf.keyPem,
      'ca.crt': leaf.caPem,
      ...(password !== undefined && {
        'keystore.p12': encodeKeystore({ ...leaf, password }),
        'truststore.p12': encodeTruststore({ caPems: [leaf.caPem], password }),
      }),
    }
    await cluster.apply({
      ...secretKind,
      metadata: { name: spec.secretName, namespace: metadata.namespace ?? 'default', ...meta },
      type: 'kubernetes.io/tls',
      data: Object.fromEntries(
        Object.entries(files).map(([file, content]) => [
          file,
          Buffer.from(content).toString('base64'),
        ]),
      ),
    })
  }

  async function wait(
    certificate: Certificate,
    reason: string,
    message: string,
    failed = false,
  ): Promise<undefined> {
    await writeStatus(certificate, notReadyStatus(certificate, { reason, message, failed }, now()))
    return undefined
  }

  async function writeStatus(
    certificate: Certificate,
    status: NonNullable<Certificate['status']>,
  ): Promise<void> {
    if (isDeepStrictEqual(certificate.status, status)) return
    const { name, namespace = 'default', uid = '' } = certificate.metadata
    await cluster.applyStatus({ ...certificateKind, metadata: { name, namespace, uid }, status })
  }
}

function secretMeta({ metadata, spec }: Certificate, digest: string) {
  const { labels, annotations: templated } = spec.secretTemplate ?? {}
  return {
    labels: { ...labels, 'controller.cert-manager.io/fao': 'true' },
    annotations: {
      ...templated,
      [annotations.certificate]: metadata.name,
      [annotations.commonName]: spec.commonName ?? '',
      [annotations.altNames]: (spec.dnsNames ?? []).join(','),
      [annotations.ipSans]: (spec.ipAddresses ?? []).join(','),
      [annotations.uriSans]: '',
      [annotations.issuerName]: spec.issuerRef.name,
      [annotations.issuerKind]: spec.issuerRef.kind ?? 'Issuer',
      [annotations.issuerGroup]: spec.issuerRef.group ?? 'cert-manager.io',
      [annotations.issuedFor]: digest,
    },
  }
}

function hasAll(
  there: KubeObject['metadata'] | undefined,
  wanted: ReturnType<typeof secretMeta>,
): boolean {
  return includes(there?.labels, wanted.labels) && includes(there?.annotations, wanted.annotations)
}

function includes(all: Record<string, string> = {}, some: Record<string, string>): boolean {
  return Object.entries(some).every(([key, value]) => all[key] === value)
}
