/** spec.tls of a LogstashLink. */
import * as patterns from './patterns.ts'
import type { Schema } from './schema.ts'

export const tlsSchema = {
  type: 'object',
  description: 'Security of the wire.',
  default: {},
  properties: {
    enabled: {
      type: 'boolean',
      default: true,
      description: 'False: plain HTTP, and nothing else of tls may be set.',
    },
    issuerRef: {
      type: 'object',
      description:
        'The cert-manager issuer of our certificates. Required with receiver.selector, and with clientAuthentication Optional or Required.',
      required: ['name'],
      properties: {
        name: { ...patterns.objectName, description: 'Name of the issuer.' },
        kind: {
          type: 'string',
          maxLength: 63,
          pattern: '^[A-Za-z][A-Za-z0-9]*$',
          expected: 'the kind of an issuer, such as Issuer or ClusterIssuer',
          default: 'Issuer',
          description: 'Issuer or ClusterIssuer, or the kind of another group.',
        },
        group: {
          ...patterns.objectName,
          expected: 'an API group, such as cert-manager.io',
          default: 'cert-manager.io',
          description: 'API group of the issuer.',
        },
      },
    },
    clientAuthentication: {
      type: 'string',
      enum: ['None', 'Optional', 'Required'],
      default: 'None',
      description:
        'Whether receivers ask for certificates. Optional, Required: senders get theirs.',
    },
    verificationMode: {
      type: 'string',
      enum: ['Full', 'None'],
      default: 'Full',
      description: 'None: senders verify neither the chain nor the name of receivers.',
    },
    serverName: {
      ...patterns.serverName,
      default: '',
      description:
        'The name that senders verify. Default: `<service>.<namespace>.svc`; for hosts each host itself.',
    },
    duration: {
      ...patterns.duration,
      default: '2160h',
      description: 'Life of our certificates; at least 1h.',
    },
    renewBefore: {
      ...patterns.duration,
      default: '720h',
      description: 'How long before their end they are renewed; at least 5m, below duration.',
    },
    serviceNames: {
      type: 'boolean',
      default: true,
      description:
        "False for issuers that refuse cluster names (ACME): then dnsNames alone stand in receivers' certificates.",
    },
    dnsNames: {
      type: 'array',
      description: "Further names in receivers' certificates. Only with receiver.selector.",
      maxItems: 32,
      'x-kubernetes-list-type': 'set',
      default: [],
      items: patterns.certificateName,
    },
    ipAddresses: {
      type: 'array',
      description: "Further addresses in receivers' certificates. Only with receiver.selector.",
      maxItems: 32,
      'x-kubernetes-list-type': 'set',
      default: [],
      items: patterns.ipAddress,
    },
    includePodIPs: {
      type: 'boolean',
      default: false,
      description: 'True where real Logstash outputs connect by the IP of a pod.',
    },
    trust: {
      type: 'object',
      description:
        "Who may have signed receivers' certificates, for serviceRef and hosts. Default: the system's authorities.",
      required: ['secretRef'],
      properties: {
        secretRef: {
          type: 'object',
          description: 'A Secret of this namespace.',
          required: ['name'],
          properties: {
            name: { ...patterns.objectName, description: 'Name of the Secret.' },
            key: {
              ...patterns.secretKey,
              default: 'ca.crt',
              description: 'Key that holds the certificates as PEM.',
            },
          },
        },
      },
    },
  },
} as const satisfies Schema
