/**
 * LogstashLink as one schema: the source of its types, of validation and of crds/logstashlinks.yaml. Rules that concern
 * more than one field stand in rules.ts.
 */
import { apiVersion, kind } from './names.ts'
import type { KubeObject } from './objects.ts'
import * as patterns from './patterns.ts'
import { tlsSchema } from './link-tls.ts'
import type { Infer, Schema } from './schema.ts'
import { statusSchema } from './link-status.ts'

const port = { type: 'integer', minimum: 1, maximum: 65535 } as const

const selector = {
  type: 'object',
  'x-kubernetes-map-type': 'atomic',
  properties: {
    matchLabels: {
      type: 'object',
      description: 'Labels that a pod must have.',
      additionalProperties: patterns.labelValue,
      maxProperties: 16,
    },
    matchExpressions: {
      type: 'array',
      description: "Conditions on a pod's labels, all of which must hold.",
      maxItems: 16,
      'x-kubernetes-list-type': 'atomic',
      items: {
        type: 'object',
        required: ['key', 'operator'],
        properties: {
          key: { ...patterns.labelKey, description: 'Key of the label.' },
          operator: {
            type: 'string',
            enum: ['In', 'NotIn', 'Exists', 'DoesNotExist'],
            description: 'How the label is compared with `values`.',
          },
          values: {
            type: 'array',
            description: 'For In and NotIn: at least one value. For the others: none.',
            maxItems: 32,
            'x-kubernetes-list-type': 'atomic',
            items: patterns.labelValue,
          },
        },
      },
    },
  },
} as const satisfies Schema

const resources = {
  type: 'object',
  properties: {
    cpu: { ...patterns.resource, description: 'CPU, such as 50m.' },
    memory: { ...patterns.resource, description: 'Memory, such as 64Mi.' },
    'ephemeral-storage': { ...patterns.resource, description: 'Local storage, such as 1Gi.' },
  },
} as const satisfies Schema

const sidecar = {
  type: 'object',
  description: 'The sidecar container. Its image is the choice of whoever runs the operator.',
  default: {},
  properties: {
    resources: {
      type: 'object',
      description: "Requests and limits in place of the operator's defaults.",
      default: {},
      properties: {
        requests: { ...resources, description: 'What the scheduler sets aside.' },
        limits: { ...resources, description: 'What the container may not exceed.' },
      },
    },
    logLevel: {
      type: 'string',
      enum: ['Debug', 'Info', 'Warn', 'Error'],
      default: 'Info',
      description: 'How much the sidecar logs.',
    },
  },
} as const satisfies Schema

const deadLetter = {
  type: 'object',
  description: 'Where events end that are refused while others pass.',
  default: {},
  properties: {
    maxSize: {
      ...patterns.size,
      default: '16Mi',
      description: 'When the file is full its oldest part goes; that is counted and logged.',
    },
  },
} as const satisfies Schema

const deliver = {
  type: 'object',
  description: 'How the receiver hands events to the application in its pod. Exactly one.',
  properties: {
    http: {
      type: 'object',
      description: 'POST of newline-delimited JSON; safe when the application answers 2xx.',
      required: ['port'],
      properties: {
        port: { ...port, description: 'Port of the application on the loopback of the pod.' },
        path: { ...patterns.urlPath, default: '/', description: 'Path of the request.' },
      },
    },
    tcp: {
      type: 'object',
      description: 'Newline-delimited events; safe when handed to the kernel, which is weaker.',
      required: ['port'],
      properties: {
        port: { ...port, description: 'Port of the application on the loopback of the pod.' },
      },
    },
    unix: {
      type: 'object',
      description: 'Newline-delimited events to a socket; safe when handed to the kernel.',
      required: ['volume', 'path'],
      properties: {
        volume: { ...patterns.volumeName, description: 'An emptyDir or claim of the pod.' },
        // A socket's whole path holds at most 107 bytes, and the folder where the volume is mounted needs some of them.
        path: { ...patterns.relativePath, maxLength: 64, description: 'Socket in the volume.' },
      },
    },
    file: {
      type: 'object',
      description: 'Appends to a file; safe when written.',
      required: ['volume', 'path'],
      properties: {
        volume: { ...patterns.volumeName, description: 'An emptyDir or claim of the pod.' },
        path: { ...patterns.relativePath, description: 'File in the volume.' },
        fsync: {
          type: 'boolean',
          default: false,
          description: 'True: safe only when on the disk, so that a power loss loses nothing.',
        },
      },
    },
    stdout: {
      type: 'object',
      description: "Writes to the sidecar's standard output; safe when handed to the kernel.",
      properties: {},
    },
  },
} as const satisfies Schema

const receiver = {
  type: 'object',
  description: 'Who takes events in: exactly one of selector, serviceRef and hosts.',
  properties: {
    selector: {
      ...selector,
      description: 'Pods of this namespace that get a receiver sidecar.',
    },
    serviceRef: {
      type: 'object',
      description: 'An existing Service of this namespace whose pods run a `logstash` input.',
      required: ['name'],
      properties: {
        name: { ...patterns.serviceName, description: 'Name of the Service.' },
        port: { ...port, default: 9800, description: 'Port of the Service.' },
      },
    },
    hosts: {
      type: 'array',
      description:
        'Receivers elsewhere: host, host:port, IPv4 or [IPv6]:port. The default port is 9800; a name stands for all its addresses.',
      minItems: 1,
      maxItems: 64,
      'x-kubernetes-list-type': 'set',
      items: patterns.host,
    },
    port: {
      ...port,
      default: 9800,
      description: 'Port on which receiver sidecars listen. Only with selector.',
    },
    deliver,
    deadLetter: { ...deadLetter, description: `${deadLetter.description} Only with selector.` },
    sidecar: { ...sidecar, description: `${sidecar.description} Only with selector.` },
  },
} as const satisfies Schema

const collect = {
  type: 'object',
  description: 'How applications hand events to the sender in their pod. At least one.',
  properties: {
    http: {
      type: 'object',
      description: 'POST of newline-delimited JSON, one JSON object or a JSON array.',
      required: ['port'],
      properties: { port: { ...port, description: 'Port on the loopback of the pod.' } },
    },
    tcp: {
      type: 'object',
      description: 'Newline-delimited events over TCP.',
      required: ['port'],
      properties: { port: { ...port, description: 'Port on the loopback of the pod.' } },
    },
    files: {
      type: 'object',
      description: 'Files that the application writes; each line is an event.',
      required: ['volume', 'paths'],
      properties: {
        volume: {
          ...patterns.volumeName,
          description: "One of the pod's own, mounted read-only where the application mounts it.",
        },
        paths: {
          type: 'array',
          description: 'Absolute, as the application sees them; `*` stands for a part of a name.',
          minItems: 1,
          maxItems: 16,
          'x-kubernetes-list-type': 'set',
          items: patterns.absoluteGlob,
        },
      },
    },
  },
} as const satisfies Schema

const sender = {
  type: 'object',
  description: 'Who sends. Without it a real Logstash is upstream.',
  required: ['selector', 'collect'],
  properties: {
    selector: { ...selector, description: 'Pods of this namespace that get a sender sidecar.' },
    collect,
    decorate: {
      type: 'string',
      enum: ['None', 'Kubernetes'],
      default: 'None',
      description: "Kubernetes: each event gets a key `kubernetes` with the pod's facts.",
    },
    batch: {
      type: 'object',
      description: 'Ceilings of one batch; under little load batches are smaller.',
      default: {},
      properties: {
        maxEvents: {
          type: 'integer',
          minimum: 1,
          maximum: 100_000,
          default: 1000,
          description: 'Events in one batch.',
        },
        maxBytes: { ...patterns.size, default: '1Mi', description: 'Bytes before compression.' },
        maxWait: {
          ...patterns.duration,
          default: '50ms',
          description: 'How long a batch may wait for more events under load; at most 10s.',
        },
      },
    },
    queue: {
      type: 'object',
      description: 'What holds events until they are acknowledged.',
      default: {},
      properties: {
        type: {
          type: 'string',
          enum: ['Memory', 'Disk'],
          default: 'Memory',
          description: 'Disk outlives the container, and the pod where its volume does.',
        },
        maxSize: { ...patterns.size, default: '64Mi', description: 'Bytes of events in it.' },
        onFull: {
          type: 'string',
          enum: ['Block', 'DropOldest'],
          default: 'Block',
          description: 'Block pushes back on the application; DropOldest loses events, counted.',
        },
        volume: {
          ...patterns.volumeName,
          description: 'For Disk: an emptyDir or claim of the pod; without it an emptyDir of ours.',
        },
      },
    },
    deadLetter,
    sidecar,
  },
} as const satisfies Schema

const balancing = {
  type: 'object',
  description: 'How batches are spread over the hosts.',
  default: {},
  properties: {
    coolOff: {
      ...patterns.duration,
      default: '60s',
      description: "How long a host's error counts against it; at most 1h.",
    },
    preferSameZone: {
      type: 'boolean',
      default: false,
      description: 'True: hosts of the own zone come first while they are healthy.',
    },
  },
} as const satisfies Schema

const auth = {
  type: 'object',
  description:
    'HTTP basic authentication. It is allowed without TLS, where the password crosses the network in the clear.',
  required: ['secretRef'],
  properties: {
    secretRef: {
      type: 'object',
      description: 'A Secret of this namespace with the keys username and password.',
      required: ['name'],
      properties: { name: { ...patterns.objectName, description: 'Name of the Secret.' } },
    },
  },
} as const satisfies Schema

export const specSchema = {
  type: 'object',
  description: 'What is wanted.',
  required: ['receiver'],
  properties: {
    receiver,
    sender,
    balancing,
    tls: tlsSchema,
    auth,
    rollout: {
      type: 'string',
      enum: ['OnRestart', 'Automatic'],
      default: 'OnRestart',
      description: 'Automatic: workloads with missing or outdated sidecars are restarted for you.',
    },
    suspend: {
      type: 'boolean',
      default: false,
      description:
        'True stops rollouts and object changes; hosts, trust, certificates and injection go on.',
    },
  },
} as const satisfies Schema

/** The whole object. Of metadata only what our rules read is checked: the rest is every cluster's own business. */
export const linkSchema = {
  type: 'object',
  required: ['apiVersion', 'kind', 'metadata', 'spec'],
  properties: {
    apiVersion: { type: 'string', enum: [apiVersion] },
    kind: { type: 'string', enum: [kind] },
    metadata: {
      type: 'object',
      required: ['name'],
      open: true,
      properties: { name: { type: 'string' } },
    },
    spec: specSchema,
    status: statusSchema,
  },
} as const satisfies Schema

/** The spec after defaulting. Sizes and durations are text as in the manifest; quantity.ts and duration.ts read them. */
export type LogstashLinkSpec = Infer<typeof specSchema>
export type LogstashLinkStatus = Infer<typeof statusSchema>
/** As metav1.Condition. */
export type Condition = NonNullable<LogstashLinkStatus['conditions']>[number]

/** A link as clusters give it back: defaults are filled in. */
export interface LogstashLink extends KubeObject {
  spec: LogstashLinkSpec
  status?: LogstashLinkStatus
}
