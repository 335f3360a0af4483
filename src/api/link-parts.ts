/** Parts of a LogstashLink that senders and receivers share. */
import * as patterns from './patterns.ts'
import type { Schema } from './schema.ts'

export const port = { type: 'integer', minimum: 1, maximum: 65535 } as const

export const selector = {
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

export const sidecar = {
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

export const deadLetter = {
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
