/** Settings of `logstash-link receiver`: flags alone, or a sidecar's file with flags that only say where to listen. */
import type { ReceiverFile, ReceiverSettings } from '../api/sidecar-config.ts'
import { defaults } from '../api/sidecar-config.ts'
import { type Command, refuseBesideConfig } from './command.ts'
import { deadLetterFlags, deadLetterFrom } from './dead-letter.ts'
import { atPodAddress, deliverFrom } from './deliver-flag.ts'
import { type Flags, parseFlags } from './flags.ts'
import { graceFlags, graceFrom } from './grace.ts'
import { type Environment, placementFrom, portsDiffer } from './placement.ts'
import {
  checkEnvironment,
  credentialFlags,
  credentialsFrom,
  identityFlags,
  identityFrom,
  refuseBesideNoTls,
  trustFlags,
  trustFrom,
} from './tls-flags.ts'
import { choiceFlag, integerFlag, logLevelFlag, portFlag, sizeFlag } from './values.ts'

export const receiverFlags = {
  host: { value: 'ADDRESS', help: 'address to listen on (0.0.0.0)' },
  port: { value: 'PORT', help: 'port to listen on, 0 for any free one (9800)' },
  'no-tls': { help: 'plain HTTP; without it an identity is needed' },
  ...identityFlags,
  'client-auth': { value: 'MODE', help: 'client certificates: none, optional or required (none)' },
  ...trustFlags,
  ...credentialFlags,
  deliver: {
    value: 'TARGET',
    help: 'stdout, file:PATH, http://HOST:PORT/PATH, tcp://HOST:PORT or unix:PATH (stdout)',
  },
  fsync: { help: 'with --deliver file: answer only after fsync' },
  'max-request': { value: 'SIZE', help: 'largest body as it comes over the wire (100Mi)' },
  'max-decompressed': { value: 'SIZE', help: 'largest body after decompression (100Mi)' },
  'max-line': { value: 'SIZE', help: 'largest event (16Mi)' },
  'max-memory': { value: 'SIZE', help: 'budget for all requests in memory (64Mi)' },
  'max-connections': { value: 'COUNT', help: 'open connections (1000)' },
  ...deadLetterFlags,
  'health-port': { value: 'PORT', help: '/healthz, /readyz, /metrics, /status (9601)' },
  ...graceFlags,
  'log-level': { value: 'LEVEL', help: 'debug, info, warn or error (info)' },
  config: { value: 'FILE', help: "a sidecar's settings file, in place of the other flags" },
} as const

/** Flags that say where a sidecar listens: they go with --config, everything else contradicts it. */
const beside = ['config', 'host', 'port', 'health-port', 'grace'] as const

type ReceiverFlags = Flags<typeof receiverFlags>

export function receiverCommand(
  args: readonly string[],
  env: Environment,
): Command<ReceiverFile, ReceiverSettings> {
  const flags = parseFlags(args, receiverFlags)
  const { problems } = flags
  const placement = {
    ...placementFrom(flags, env, defaults.receiverHealthPort, problems),
    port: portFlag(flags, 'port', defaults.receiverPort, problems),
  }
  portsDiffer(flags, ['port'], problems)
  const grace = graceFrom(flags, problems)
  const healthPortGiven = flags.has('health-port')
  const path = flags.get('config')
  if (path !== undefined) {
    refuseBesideConfig(flags, receiverFlags, beside, problems)
    const complete = (file: ReceiverFile): ReceiverSettings => ({
      ...file,
      ...placement,
      deliver: atPodAddress(file.deliver, placement.loopback, env),
    })
    return { source: { from: 'file', path, complete }, placement, healthPortGiven, grace, problems }
  }
  const program = `receiver-${placement.port}`
  const settings = { ...fileFromFlags(flags, program, env, problems), ...placement }
  return { source: { from: 'flags', settings }, placement, healthPortGiven, grace, problems }
}

function fileFromFlags(
  flags: ReceiverFlags,
  program: string,
  env: Environment,
  problems: string[],
): ReceiverFile {
  const credentials = credentialsFrom(flags, problems)
  const deadLetter = deadLetterFrom(flags, program, env, problems)
  const deliver = deliverFrom(flags.get('deliver') ?? 'stdout', problems)
  if (flags.has('fsync') && deliver.type !== 'file') {
    problems.push('Expected `--fsync` only with `--deliver file:PATH`, got another target')
  }
  checkEnvironment(flags, env, problems)
  const limits = defaults.receiverLimits
  return {
    role: 'receiver',
    tls: tlsFrom(flags, problems),
    ...(credentials === undefined ? {} : { auth: credentials }),
    deliver: deliver.type === 'file' ? { ...deliver, fsync: flags.has('fsync') } : deliver,
    ...(deadLetter === undefined ? {} : { deadLetter }),
    limits: {
      memory: sizeFlag(flags, 'max-memory', limits.memory, problems),
      maxRequest: sizeFlag(flags, 'max-request', limits.maxRequest, problems),
      maxDecompressed: sizeFlag(flags, 'max-decompressed', limits.maxDecompressed, problems),
      maxLine: sizeFlag(flags, 'max-line', limits.maxLine, problems),
      maxConnections: integerFlag(
        flags,
        'max-connections',
        { fallback: limits.maxConnections, min: 1, max: 1_000_000 },
        problems,
      ),
    },
    logLevel: logLevelFlag(flags, 'Info', problems),
  }
}

function tlsFrom(flags: ReceiverFlags, problems: string[]): ReceiverFile['tls'] {
  const identity = identityFrom(flags, problems)
  const clientTrust = trustFrom(flags, problems)
  const mode = choiceFlag(flags, 'client-auth', ['None', 'Optional', 'Required'], 'None', problems)
  if (flags.has('no-tls')) {
    refuseBesideNoTls(flags, ['client-auth'], problems)
    return { enabled: false }
  }
  if (mode !== 'None' && clientTrust === undefined) {
    problems.push(
      `Expected \`--ca\` or \`--truststore\` with \`--client-auth ${mode.toLowerCase()}\`, got neither`,
    )
  }
  if (mode === 'None' && clientTrust !== undefined) {
    problems.push(
      `Expected \`--client-auth optional\` or \`required\` with \`${flags.given('ca', 'truststore').join('`, `')}\`, got none`,
    )
  }
  if (identity === undefined) {
    if (flags.given('keystore', 'cert', 'key').length === 0) {
      problems.push('Expected `--keystore`, `--cert` with `--key`, or `--no-tls`, got none of them')
    }
    return { enabled: false }
  }
  return {
    enabled: true,
    identity,
    clientAuthentication: mode,
    ...(clientTrust === undefined ? {} : { clientTrust }),
  }
}
