/** Preloaded by --import: writes the URL of each module that the program loads to the file in LOADED_MODULES. */
import { appendFileSync } from 'node:fs'
import { registerHooks } from 'node:module'

const file = process.env['LOADED_MODULES']
if (file === undefined) throw new Error('Expected LOADED_MODULES to name a file')
registerHooks({
  load(url, context, nextLoad) {
    appendFileSync(file, `${url}\n`)
    return nextLoad(url, context)
  },
})
