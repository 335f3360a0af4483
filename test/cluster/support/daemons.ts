/** The processes of a test cluster: each with a log, ended with whoever started them unless they are to be left running. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually } from '../../support/eventually.ts'
import type { Guardian } from '../../../src/local/runtime/guardian.ts'

export interface Daemons {
  /** Starts a program and waits until `ready` neither throws nor rejects. Rejects with the end of its log if it ends. */
  start(
    name: string,
    command: readonly string[],
    ready: () => Promise<void>,
    env?: Record<string, string>,
  ): Promise<void>
  /** Sends the signal and waits for the end. */
  kill(name: string, signal: NodeJS.Signals): Promise<void>
  /** Process ids of those that run. */
  pids(): Record<string, number>
  stop(): Promise<void>
  /** The ones that run are left to themselves: this process may end without them. */
  release(): void
}

const startLimitMs = 120_000

/** @param guardian ends them when this process is killed */
export function createDaemons(folder: string, guardian?: Guardian): Daemons {
  const running = new Map<string, ChildProcess>()
  mkdirSync(folder, { recursive: true })
  const logOf = (name: string) => join(folder, `${name}.log`)

  const kill = async (name: string, signal: NodeJS.Signals) => {
    const child = running.get(name)
    if (child?.pid === undefined) throw new Error(`Expected ${name} to run`)
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }

  return {
    kill,
    async start(name, [program = '', ...args], ready, env = {}) {
      if (running.has(name)) throw new Error(`Expected ${name} not to run yet`)
      const log = openSync(logOf(name), 'a')
      // A process group of its own: Ctrl-C in the terminal is for the tests, which stop it in their order.
      const child = spawn(program, args, {
        stdio: ['ignore', log, log],
        detached: true,
        env: { ...process.env, ...env },
      })
      closeSync(log)
      const failed = new Promise<never>((_resolve, reject) => {
        child.once('error', reject)
        child.once('exit', (code, signal) => {
          running.delete(name)
          if (child.pid !== undefined) guardian?.remove(child.pid)
          const end = readFileSync(logOf(name), 'utf8').slice(-4000)
          reject(new Error(`${name} ended with ${signal ?? `code ${code}`}:\n${end}`))
        })
      })
      // When it ends later, nobody waits any more.
      failed.catch(() => {})
      if (child.pid !== undefined) {
        running.set(name, child)
        guardian?.add(child.pid)
      }
      await Promise.race([
        eventually(`${name} is ready (${logOf(name)})`, ready, {
          limitMs: startLimitMs,
          everyMs: 50,
        }),
        failed,
      ])
    },
    pids: () =>
      Object.fromEntries([...running].map(([name, { pid }]) => [name, pid ?? 0] as const)),
    async stop() {
      // At once: kube-apiserver would wait for its watchers, and nothing here is to be kept.
      await Promise.all([...running.keys()].map((name) => kill(name, 'SIGKILL')))
    },
    release() {
      for (const child of running.values()) child.unref()
    },
  }
}
