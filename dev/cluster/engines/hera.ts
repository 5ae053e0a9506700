import type { Progress } from '../cache.ts';
import { imageTarball } from '../images/image.ts';
import { pythonEnvironment, pythonLayers } from '../images/wheels.ts';
import { versions } from '../versions.ts';

/** Python with Hera: nobody publishes such an image, so the name is ours. */
export const heraReference = `docker.io/library/hera:${versions.hera}`;

/** Path of that image. */
export const heraImage = async (progress: Progress): Promise<string> => {
  const name = 'hera';
  const layers = await pythonLayers({ name, requirements: [`${name}==${versions.hera}`] }, progress);
  const config = { Cmd: ['python3'], Env: pythonEnvironment(name), User: '1000:1000', WorkingDir: '/tmp' };
  return imageTarball(
    { reference: heraReference, key: layers, config, layers: () => Promise.resolve(layers) },
    progress,
  );
};
