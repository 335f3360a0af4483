/** Golden files: what was rendered once and looked at. UPDATE_GOLDEN=1 writes them anew, to be looked at again. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'

/** Compares documents with test/golden/`name`.yaml. */
export function assertGolden(name: string, documents: readonly object[]): void {
  const file = fileURLToPath(new URL(`../golden/${name}.yaml`, import.meta.url))
  const text = documents
    .map((each) => stringify(each, { lineWidth: 0, aliasDuplicateObjects: false }))
    .join('---\n')
  if (process.env['UPDATE_GOLDEN'] === '1') {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
  assert.ok(existsSync(file), `Expected ${file}; UPDATE_GOLDEN=1 writes it`)
  assert.equal(
    text,
    readFileSync(file, 'utf8'),
    `${name}: UPDATE_GOLDEN=1 takes what is rendered now`,
  )
}
