/** `logstash-link PROGRAM …`: finds the program and ends with its exit code. */
import { LogstashLinkError, messageOf } from '../errors.ts'
import type { Io } from './io.ts'

interface Program {
  help: string
  /** Loaded only when asked for: a sidecar must not carry the control plane in its memory. */
  run(args: string[], io: Io): Promise<number>
}

const programs: Record<string, Program> = {
  receiver: {
    help: 'take batches over HTTPS and hand them to an application',
    run: async (args, io) => (await import('./receiver.ts')).runReceiver(args, io),
  },
  sender: {
    help: 'collect events and send them in batches, balanced over all receivers',
    run: async (args, io) => (await import('./sender.ts')).runSender(args, io),
  },
  'dead-letter': {
    help: 'list events that were set aside as at fault themselves, or send them again',
    run: async (args, io) => (await import('./dead-letter.ts')).runDeadLetter(args, io),
  },
  render: {
    help: 'print what the operator would apply for the links of some files, without a cluster',
    run: async (args, io) => (await import('./render.ts')).runRender(args, io),
  },
  operator: {
    help: 'the control plane in a cluster',
    run: async (args, io) => (await import('./operator.ts')).runOperator(args, io),
  },
  status: {
    help: 'the state of links as a tree: identity, hosts, pods, queues',
    run: async (args, io) => (await import('./status.ts')).runStatus(args, io),
  },
  check: {
    help: 'whether cluster, operator and links are as they should be, and what mends them',
    run: async (args, io) => (await import('./check.ts')).runCheck(args, io),
  },
  local: {
    help: 'run manifests on this machine: controllers, local CA and pods as processes',
    run: async (args, io) => (await import('./local.ts')).runLocal(args, io),
  },
  demo: {
    help: 'the main job from end to end, on the example manifests',
    run: async (args, io) => (await import('./demo.ts')).runDemo(args, io),
  },
}

const usage = `usage: logstash-link PROGRAM [FLAGS]

${Object.entries(programs)
  .map(([name, program]) => `  ${name.padEnd(13)}${program.help}`)
  .join('\n')}

logstash-link PROGRAM --help shows the flags of one.
`

async function main([name, ...args]: string[], io: Io): Promise<number> {
  if (name === undefined || name === '--help' || name === 'help') {
    io.stdout.write(usage)
    return name === undefined ? 2 : 0
  }
  if (name === '--version') {
    const { version } = await import('./version.ts')
    io.stdout.write(`${version}\n`)
    return 0
  }
  const program = programs[name]
  if (program === undefined) {
    io.stderr.write(`Expected a program, got ${JSON.stringify(name)}\n\n${usage}`)
    return 2
  }
  return program.run(args, io)
}

try {
  process.exitCode = await main(process.argv.slice(2), process)
} catch (error) {
  // What is ours says it in one sentence; anything else is a defect, and its stack is wanted.
  const known = error instanceof LogstashLinkError
  process.stderr.write(`${known ? `${messageOf(error)} (${error.code})` : inspect(error)}\n`)
  process.exitCode = 1
}

function inspect(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
