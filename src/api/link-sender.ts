/** spec.sender of a LogstashLink. */
import { deadLetter, port, selector, sidecar } from './link-parts.ts'
import * as patterns from './patterns.ts'
import type { Schema } from './schema.ts'

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

export const senderSchema = {
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
