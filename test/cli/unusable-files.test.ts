import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import test from 'node:test'
import { testFolder } from '../support/certificates.ts'
import { startProgram } from '../support/programs.ts'

const password = { PASSWORD: 'secret' }

for (const [program, flag, rest] of [
  ['receiver', '--keystore', ['--port', '0']],
  ['sender', '--truststore', ['--hosts', '127.0.0.1:1']],
] as const) {
  for (const [what, content] of [
    ['is not there', undefined],
    ['is no PKCS12 file', 'rubbish'],
  ] as const) {
    test(`a ${program} whose ${flag} ${what} says so and ends with code 1`, async (t) => {
      const folder = testFolder(t)
      const file = folder.path('store.p12')
      if (content !== undefined) writeFileSync(file, content)
      const { ended } = startProgram(
        'it',
        [
          ...[program, ...rest, flag, file, `${flag}-password-env`, 'PASSWORD'],
          ...['--host', '127.0.0.1', '--health-port', '0'],
        ],
        { folder: folder.path('.'), env: password },
      )
      assert.equal(await ended, 1)
      assert.match(
        readFileSync(folder.path('it.log'), 'utf8'),
        /what the flags name cannot be used/,
      )
    })
  }
}
