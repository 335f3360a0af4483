/** `npm run generate`: writes every generated file that is not as it should be. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { generatedFiles } from './generated-files.ts'
import { findHelm } from './helm.ts'
import { plainManifests, plainManifestsFile } from './plain-manifests.ts'

for (const [path, render] of Object.entries(generatedFiles)) write(path, render())

// After the others: the chart's templates are among them.
const helm = findHelm()
if (helm === undefined) console.log(`left as is ${plainManifestsFile}: no helm is here`)
else write(plainManifestsFile, plainManifests(helm))

function write(path: string, text: string): void {
  const file = fileURLToPath(new URL(`../${path}`, import.meta.url))
  const changed = read(file) !== text
  if (changed) {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
  console.log(`${changed ? 'written  ' : 'unchanged'} ${path}`)
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
