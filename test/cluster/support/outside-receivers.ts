/** Receivers that no cluster knows, run by flags. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startGuardian } from '../../../src/local/runtime/guardian.ts'
import { makeTestAuthority } from '../../support/certificates.ts'

const program = fileURLToPath(new URL('../../../bin/logstash-link.js', import.meta.url))

export interface OutsideReceivers {
  /** Their authority, PEM. */
  ca: string
  /** Folder with what each has taken: `offsite-<address>`. */
  logs: string
  stop(): Promise<void>
}

/** Each with an identity for its address. They end with this process. */
export async function startOutsideReceivers(
  places: readonly { host: string; port: number }[],
): Promise<OutsideReceivers> {
  const folder = mkdtempSync(join(tmpdir(), 'lsl-outside-'))
  const guardian = startGuardian(folder)
  const authority = await makeTestAuthority({ commonName: 'offsite' })
  const logs = join(folder, 'out')
  mkdirSync(logs)
  const start = async ({ host, port }: { host: string; port: number }) => {
    const leaf = await authority.leaf({ dnsNames: [], ipAddresses: [host] })
    const [cert, key] = [join(folder, `${host}.crt`), join(folder, `${host}.key`)]
    writeFileSync(cert, leaf.certPem)
    writeFileSync(key, leaf.keyPem)
    const flags = ['--host', host, '--port', `${port}`, '--cert', cert, '--key', key]
    const deliver = ['--deliver', `file:${join(logs, `offsite-${host}`)}`, '--log-level', 'warn']
    // A group of its own, by which the guardian knows it.
    const child = spawn(process.execPath, [program, 'receiver', ...flags, ...deliver], {
      stdio: ['ignore', 'ignore', 'inherit'],
      detached: true,
    })
    const group = child.pid ?? 0
    guardian.add(group)
    return async () => {
      const ended = once(child, 'exit')
      child.kill()
      await ended
      guardian.remove(group)
    }
  }
  const stops = await Promise.all(places.map(start))
  return {
    ca: authority.caPem,
    logs,
    async stop() {
      await Promise.all(stops.map((stop) => stop()))
      await guardian.close()
      rmSync(folder, { recursive: true })
    },
  }
}
