import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { defaults, type LogLevel } from '../../src/api/sidecar-config.ts'
import { testFolder } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'
import { freePorts } from '../support/free-ports.ts'
import { startProgram } from '../support/programs.ts'

const files = {
  receiver: {
    role: 'receiver',
    tls: { enabled: false },
    deliver: { type: 'stdout' },
    limits: defaults.receiverLimits,
  },
  sender: {
    role: 'sender',
    hosts: { list: [{ host: '127.0.0.1', port: 1 }] },
    tls: { enabled: false },
    decorate: 'None',
    batch: defaults.batch,
    queue: { type: 'Memory', maxSize: defaults.queueMaxSize, onFull: 'Block' },
    balancing: { coolOff: defaults.coolOff, preferSameZone: false },
    limits: defaults.senderLimits,
  },
}

for (const [program, file] of Object.entries(files)) {
  test(`a ${program} logs at the level of its file, and at another when the file changes`, async (t) => {
    const folder = testFolder(t)
    const write = (logLevel: LogLevel): string =>
      folder.write('sidecar.json', JSON.stringify({ ...file, logLevel }))
    const config = write('Error')
    const [port = 0, health = 0] = await freePorts(2)
    const own = program === 'receiver' ? ['--port', String(port)] : ['--http', String(port)]
    const args = [program, '--config', config, '--host', '127.0.0.1', ...own]
    const { child, ended } = startProgram('it', [...args, '--health-port', String(health)], {
      folder: dirname(config),
    })
    t.after(async () => {
      child.kill('SIGKILL')
      await ended
    })
    const log = (): string => readFileSync(folder.path('it.log'), 'utf8')
    const settingsAre = async (ok: boolean): Promise<void> => {
      await eventually(`its settings are ${ok ? 'taken' : 'refused'}: ${log()}`, async () => {
        const answer = await fetch(`http://127.0.0.1:${health}/readyz`)
        const { checks } = (await answer.json()) as { checks: { settings: { ok: boolean } } }
        assert.equal(checks.settings.ok, ok)
      })
    }
    await settingsAre(true)
    folder.write('sidecar.json', 'broken')
    await settingsAre(false)
    write('Info')
    await eventually('it says that they changed', () => assert.match(log(), /Settings changed/))
    assert.doesNotMatch(log(), /Settings are not taken/)
  })
}
