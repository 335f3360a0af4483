import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readSecretSource } from '../../../src/dataplane/tls/secret.ts'
import { testFolder } from '../../support/certificates.ts'

const env = { SET: 'from the environment\n', EMPTY: '' }

for (const [content, secret] of [
  ['changeit', 'changeit'],
  ['changeit\n', 'changeit'],
  ['changeit\r\n', 'changeit'],
  ['two\n\n', 'two\n'],
  [' spaces are kept \n', ' spaces are kept '],
  ['', ''],
] as const) {
  test(`a file with ${JSON.stringify(content)} holds ${JSON.stringify(secret)}`, async (t) => {
    const file = testFolder(t).write('password', content)
    assert.equal(await readSecretSource({ file }, env), secret)
  })
}

test('a value of the environment is taken as it is', async () => {
  assert.equal(await readSecretSource({ env: 'SET' }, env), 'from the environment\n')
  assert.equal(await readSecretSource({ env: 'EMPTY' }, env), '')
})

test('a secret that is not there is an error that names the setting', async (t) => {
  const file = testFolder(t).path('none')
  await assert.rejects(readSecretSource({ env: 'UNSET' }, env, '--password-env'), {
    code: 'LSL_ENV_MISSING',
    message: 'Expected the environment variable UNSET, named by --password-env, to be set',
  })
  await assert.rejects(readSecretSource({ file }, env, 'auth.password'), {
    code: 'LSL_FILE_UNREADABLE',
  })
})
