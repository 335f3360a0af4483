/** spec.receiver of a LogstashLink. */
import { deadLetter, port, selector, sidecar } from './link-parts.ts'
import * as patterns from './patterns.ts'
import type { Schema } from './schema.ts'

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

export const receiverSchema = {
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
