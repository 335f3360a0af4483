/**
 * LogstashLink as one schema: the source of its types, of validation and of crds/logstashlinks.yaml. Rules that concern
 * more than one field stand in rules.ts.
 */
import { apiVersion, kind } from './names.ts'
import type { KubeObject } from './objects.ts'
import * as patterns from './patterns.ts'
import { receiverSchema } from './link-receiver.ts'
import { senderSchema } from './link-sender.ts'
import { tlsSchema } from './link-tls.ts'
import type { Infer, Schema } from './schema.ts'
import { statusSchema } from './link-status.ts'

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
    receiver: receiverSchema,
    sender: senderSchema,
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
