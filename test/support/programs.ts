/** Runs `logstash-link` as real processes, as a user would: for end-to-end tests and benchmarks. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { eventually } from './eventually.ts'

const bin = fileURLToPath(new URL('../../bin/logstash-link.js', import.meta.url))

export interface Program {
  child: ChildProcess
  pid: number
  /** Exit code, or null when a signal ended it. */
  ended: Promise<number | null>
}

export interface ProgramOptions {
  /** Standard error goes to `<folder>/<name>.log`. */
  folder: string
  env?: Record<string, string>
  /** A file to read; 'pipe' for child.stdin; nothing by default. */
  stdin?: string
  /** A file to write to; by default /dev/null. */
  stdout?: string
  nodeArguments?: string[]
}

export function startProgram(name: string, args: string[], options: ProgramOptions): Program {
  const { folder, env, stdin, stdout = '/dev/null', nodeArguments = [] } = options
  const input = stdin === undefined ? 'ignore' : stdin === 'pipe' ? 'pipe' : openSync(stdin, 'r')
  const output = openSync(stdout, 'a')
  const errors = openSync(join(folder, `${name}.log`), 'a')
  const child = spawn(process.execPath, [...nodeArguments, bin, ...args], {
    env: { ...process.env, ...env },
    stdio: [input, output, errors],
  })
  for (const file of [input, output, errors]) if (typeof file === 'number') closeSync(file)
  if (child.pid === undefined) throw new Error(`${name} did not start`)
  const ended = once(child, 'exit').then(([code]: (number | null)[]) => code ?? null)
  return { child, pid: child.pid, ended }
}

/** Waits until /readyz says yes. */
export async function untilReady(port: number, host = '127.0.0.1'): Promise<void> {
  await eventually(`${host}:${port} is ready`, async () => {
    const response = await fetch(`http://${host}:${port}/readyz`)
    if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`)
  })
}

/** Sum of a counter or gauge over all its labels. */
export async function metric(port: number, name: string, host = '127.0.0.1'): Promise<number> {
  const text = await (await fetch(`http://${host}:${port}/metrics`)).text()
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}
