/** Validation of the files in sidecar-config.ts, by schemas that the compiler holds to those interfaces. */
import { check, type Problem } from './check.ts'
import type { Infer, Schema } from './schema.ts'
import type { HostsFile, ReceiverFile, SenderFile } from './sidecar-config.ts'

type Parsed<T> = { value: T } | { problems: Problem[] }

const text = { type: 'string', minLength: 1, maxLength: 4096 } as const
const flag = { type: 'boolean' } as const
const amount = { type: 'integer', minimum: 1 } as const
const port = { type: 'integer', minimum: 1, maximum: 65535 } as const

const fromFile = { type: 'object', required: ['file'], properties: { file: text } } as const
const fromEnv = { type: 'object', required: ['env'], properties: { env: text } } as const
const given = { type: 'object', required: ['value'], properties: { value: text } } as const
const secret = { oneOf: [fromFile, fromEnv] } as const

const identity = {
  oneOf: [
    {
      type: 'object',
      required: ['type', 'cert', 'key'],
      properties: {
        type: { type: 'string', enum: ['pem'] },
        cert: text,
        key: text,
        passphrase: secret,
        ca: text,
      },
    },
    {
      type: 'object',
      required: ['type', 'keystore', 'password'],
      properties: {
        type: { type: 'string', enum: ['pkcs12'] },
        keystore: text,
        password: secret,
      },
    },
  ],
} as const satisfies Schema

const trust = {
  oneOf: [
    {
      type: 'object',
      required: ['type'],
      properties: { type: { type: 'string', enum: ['system'] } },
    },
    {
      type: 'object',
      required: ['type', 'ca'],
      properties: { type: { type: 'string', enum: ['pem'] }, ca: text },
    },
    {
      type: 'object',
      required: ['type', 'truststore', 'password'],
      properties: {
        type: { type: 'string', enum: ['pkcs12'] },
        truststore: text,
        password: secret,
      },
    },
  ],
} as const satisfies Schema

const withoutTls = {
  type: 'object',
  required: ['enabled'],
  properties: { enabled: { type: 'boolean', enum: [false] } },
} as const satisfies Schema

const auth = {
  type: 'object',
  required: ['username', 'password'],
  properties: { username: { oneOf: [fromFile, fromEnv, given] }, password: secret },
} as const satisfies Schema

const deadLetter = {
  type: 'object',
  required: ['directory', 'maxSize'],
  properties: { directory: text, maxSize: amount },
} as const satisfies Schema

const logLevel = { type: 'string', enum: ['Debug', 'Info', 'Warn', 'Error'] } as const

const receiverFile = {
  type: 'object',
  required: ['role', 'tls', 'deliver', 'limits', 'logLevel'],
  properties: {
    role: { type: 'string', enum: ['receiver'] },
    link: text,
    tls: {
      oneOf: [
        withoutTls,
        {
          type: 'object',
          required: ['enabled', 'identity', 'clientAuthentication'],
          properties: {
            enabled: { type: 'boolean', enum: [true] },
            identity,
            clientAuthentication: { type: 'string', enum: ['None', 'Optional', 'Required'] },
            clientTrust: trust,
          },
        },
      ],
    },
    auth,
    deliver: {
      oneOf: [
        {
          type: 'object',
          required: ['type', 'url'],
          properties: { type: { type: 'string', enum: ['http'] }, url: text },
        },
        {
          type: 'object',
          required: ['type', 'host', 'port'],
          properties: { type: { type: 'string', enum: ['tcp'] }, host: text, port },
        },
        {
          type: 'object',
          required: ['type', 'path'],
          properties: { type: { type: 'string', enum: ['unix'] }, path: text },
        },
        {
          type: 'object',
          required: ['type', 'path', 'fsync'],
          properties: { type: { type: 'string', enum: ['file'] }, path: text, fsync: flag },
        },
        {
          type: 'object',
          required: ['type'],
          properties: { type: { type: 'string', enum: ['stdout'] } },
        },
      ],
    },
    deadLetter,
    limits: {
      type: 'object',
      required: ['memory', 'maxRequest', 'maxDecompressed', 'maxLine', 'maxConnections'],
      properties: {
        memory: amount,
        maxRequest: amount,
        maxDecompressed: amount,
        maxLine: amount,
        maxConnections: amount,
      },
    },
    requirePodAddresses: flag,
    logLevel,
  },
} as const satisfies Schema

const hostEntry = {
  type: 'object',
  required: ['host', 'port'],
  properties: { host: text, port, zone: text },
} as const satisfies Schema

const senderFile = {
  type: 'object',
  required: [
    'role',
    'hosts',
    'tls',
    'decorate',
    'batch',
    'queue',
    'balancing',
    'limits',
    'logLevel',
  ],
  properties: {
    role: { type: 'string', enum: ['sender'] },
    link: text,
    hosts: {
      oneOf: [
        fromFile,
        {
          type: 'object',
          required: ['list'],
          properties: { list: { type: 'array', minItems: 1, items: hostEntry } },
        },
      ],
    },
    tls: {
      oneOf: [
        withoutTls,
        {
          type: 'object',
          required: ['enabled', 'trust', 'verification'],
          properties: {
            enabled: { type: 'boolean', enum: [true] },
            trust,
            verification: { type: 'string', enum: ['Full', 'None'] },
            serverName: text,
            identity,
          },
        },
      ],
    },
    auth,
    decorate: { type: 'string', enum: ['None', 'Kubernetes'] },
    batch: {
      type: 'object',
      required: ['maxEvents', 'maxBytes', 'maxWait'],
      properties: {
        maxEvents: amount,
        maxBytes: amount,
        maxWait: { type: 'integer', minimum: 0, maximum: 10_000 },
      },
    },
    queue: {
      type: 'object',
      required: ['type', 'maxSize', 'onFull'],
      properties: {
        type: { type: 'string', enum: ['Memory', 'Disk'] },
        directory: text,
        maxSize: amount,
        onFull: { type: 'string', enum: ['Block', 'DropOldest'] },
      },
    },
    checkpoints: { type: 'object', required: ['directory'], properties: { directory: text } },
    balancing: {
      type: 'object',
      required: ['coolOff', 'preferSameZone'],
      properties: {
        coolOff: { type: 'integer', minimum: 0, maximum: 3_600_000 },
        preferSameZone: flag,
      },
    },
    deadLetter,
    limits: {
      type: 'object',
      required: ['memory', 'maxLine', 'maxRequest', 'maxConnections'],
      properties: { memory: amount, maxLine: amount, maxRequest: amount, maxConnections: amount },
    },
    logLevel,
  },
} as const satisfies Schema

const hostsFile = {
  type: 'object',
  required: ['revision', 'hosts'],
  properties: {
    revision: text,
    hosts: { type: 'array', items: hostEntry },
    serverName: text,
    fallback: { type: 'object', required: ['host', 'port'], properties: { host: text, port } },
    nodeZones: { type: 'object', additionalProperties: { type: 'string' } },
  },
} as const satisfies Schema

/** sidecar.json of a receiver. Names of files and of the environment are not looked up here. */
export function parseReceiverFile(json: unknown): Parsed<ReceiverFile> {
  const result = parsed<ReceiverFile, typeof receiverFile>(receiverFile, json)
  if ('problems' in result || knowsClients(result.value)) return result
  // Without a list of its own a receiver would have nobody to believe, and refuse every certificate for ever.
  const path = 'tls.clientTrust'
  const message = `Expected \`${path}\` to be given, as \`tls.clientAuthentication\` is not None, got nothing`
  return { problems: [{ path, message }] }
}

function knowsClients({ tls }: ReceiverFile): boolean {
  return !tls.enabled || tls.clientAuthentication === 'None' || tls.clientTrust !== undefined
}

/** sidecar.json of a sender. */
export function parseSenderFile(json: unknown): Parsed<SenderFile> {
  const result = parsed<SenderFile, typeof senderFile>(senderFile, json)
  if ('problems' in result) return result
  const { type, directory } = result.value.queue
  if ((type === 'Disk') === (directory !== undefined)) return result
  const path = 'queue.directory'
  const message =
    type === 'Disk'
      ? `Expected \`${path}\` to be given, as \`queue.type\` is Disk, got nothing`
      : `Expected \`${path}\` to be left out, as \`queue.type\` is Memory, got ${directory}`
  return { problems: [{ path, message }] }
}

/** hosts.json of a sender. */
export function parseHostsFile(json: unknown): Parsed<HostsFile> {
  return parsed<HostsFile, typeof hostsFile>(hostsFile, json)
}

/** Compiles only where the schema's type and the interface are the same. */
function parsed<T, S extends Schema>(
  schema: S & ([T] extends [Infer<S>] ? ([Infer<S>] extends [T] ? unknown : never) : never),
  json: unknown,
): Parsed<T> {
  const { value, problems } = check(schema, json, '')
  return problems.length === 0 ? { value: value as T } : { problems }
}
