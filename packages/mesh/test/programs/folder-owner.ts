/** Makes a folder of a run in the folder that it is told, prints its path, and waits to be killed. */
import { RunFolder } from '#mesh/topology/run-folder.js'

const [parent] = process.argv.slice(2)
const folder = await RunFolder.create(parent)
process.stdout.write(`${folder.path}\n`)
setInterval(() => {}, 1000)
