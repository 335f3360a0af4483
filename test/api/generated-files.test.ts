import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { generatedFiles } from '../../scripts/generated-files.ts'

describe('generated files', () => {
  for (const [path, render] of Object.entries(generatedFiles))
    it(`${path} is as its sources say (else: npm run generate)`, () => {
      const file = new URL(`../../${path}`, import.meta.url)
      assert.equal(readFileSync(file, 'utf8'), render())
    })
})
