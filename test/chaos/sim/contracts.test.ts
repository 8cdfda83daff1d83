/** The simulated disk and LevelDB's twin keep the contracts of the real ones. */
import { SimDisk } from '../../../chaos/sim/disk.ts'
import { SimFileSystem } from '../../../chaos/sim/file-system.ts'
import { openGate } from '../../../chaos/sim/gate.ts'
import { simStores } from '../../../chaos/sim/stores.ts'
import { fileSystemContract } from '../../host/file-system-contract.ts'
import { storesContract } from '../../host/stores-contract.ts'

fileSystemContract('the simulated disk', async () => {
  const fs = new SimFileSystem(new SimDisk(), openGate)
  await fs.makeDirectory('/files')
  return { fs, directory: '/files', dispose: () => Promise.resolve() }
})

storesContract("LevelDB's twin", async () => {
  const disk = new SimDisk()
  const fs = new SimFileSystem(disk, openGate)
  await fs.makeDirectory('/data')
  return {
    fs,
    stores: simStores(disk, openGate),
    directory: '/data',
    dispose: () => Promise.resolve(),
  }
})
