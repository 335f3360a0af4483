/** Status of a LogstashLink. */
import type { Schema } from './schema.ts'

const count = { type: 'integer', minimum: 0, maximum: 1_000_000 } as const

function counts<const Who extends string>(who: Who) {
  return {
    type: 'object',
    description: `Pods with the ${who}'s selector.`,
    required: ['desired', 'ready', 'summary'],
    properties: {
      desired: { ...count, description: 'Pods that the selector picks.' },
      ready: { ...count, description: 'Those whose sidecar is ready.' },
      // Printer columns hold one field each, so the column of two numbers needs this.
      summary: { type: 'string', maxLength: 32, description: '`ready/desired`, as printed.' },
    },
  } as const
}

export const statusSchema = {
  type: 'object',
  description: 'What is. Written by the operator alone.',
  properties: {
    observedGeneration: {
      type: 'integer',
      minimum: 0,
      description: 'Generation of the spec that this status speaks of.',
    },
    conditions: {
      type: 'array',
      description: 'Ready sums up the others.',
      maxItems: 16,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['type'],
      items: {
        type: 'object',
        required: ['type', 'status', 'reason', 'message', 'lastTransitionTime'],
        properties: {
          type: { type: 'string', maxLength: 316, description: 'Which condition.' },
          status: {
            type: 'string',
            enum: ['True', 'False', 'Unknown'],
            description: 'Whether it holds.',
          },
          reason: {
            type: 'string',
            minLength: 1,
            maxLength: 1024,
            description: 'One word, fixed, for programs.',
          },
          message: { type: 'string', maxLength: 32768, description: 'A sentence for people.' },
          lastTransitionTime: {
            type: 'string',
            format: 'date-time',
            maxLength: 64,
            description: 'When `status` last changed.',
          },
          observedGeneration: {
            type: 'integer',
            minimum: 0,
            description: 'Generation of the spec that this condition speaks of.',
          },
        },
      },
    },
    receivers: counts('receiver'),
    senders: counts('sender'),
    hosts: {
      type: 'array',
      description: 'Receivers that senders know, sorted; at most 50 are shown.',
      maxItems: 50,
      'x-kubernetes-list-type': 'atomic',
      items: { type: 'string', maxLength: 261 },
    },
    hostCount: { ...count, description: 'How many hosts there are, shown or not.' },
    certificate: {
      type: 'object',
      description: "The receivers' identity.",
      required: ['secretName'],
      properties: {
        secretName: { type: 'string', maxLength: 253, description: 'Secret that holds it.' },
        notAfter: {
          type: 'string',
          format: 'date-time',
          maxLength: 64,
          description: 'End of its validity.',
        },
      },
    },
  },
} as const satisfies Schema
