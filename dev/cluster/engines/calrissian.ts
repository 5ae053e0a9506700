import type { Progress } from '../cache.ts';
import { imageTarball } from '../images/image.ts';
import { pythonEnvironment, pythonLayers } from '../images/wheels.ts';
import { versions } from '../versions.ts';

/** The image that the examples name. */
export const calrissianReference = `ghcr.io/duke-gcb/calrissian/calrissian:${versions.calrissian}`;

const program = `#!/usr/bin/python3
import sys
from calrissian.main import main
sys.exit(main())
`;

/** Path of Calrissian's image, which holds the cwltool that Calrissian is written with. */
export const calrissianImage = async (progress: Progress): Promise<string> => {
  const name = 'calrissian';
  const layers = await pythonLayers({ name, requirements: [`${name}==${versions.calrissian}`], program }, progress);
  const config = { Cmd: [name], Env: pythonEnvironment(name), User: '1000:1000', WorkingDir: '/tmp' };
  return imageTarball(
    { reference: calrissianReference, key: layers, config, layers: () => Promise.resolve(layers) },
    progress,
  );
};
