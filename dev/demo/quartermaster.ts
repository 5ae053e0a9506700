import { type ServeProcess, type ServeProcessOptions, startServe, untilReady } from '../serve-process.ts';

/** A running `quartermaster serve`. */
export interface Quartermaster extends Pick<ServeProcess, 'opsUrl'> {
  /** SIGTERM, and its end. */
  readonly stop: () => Promise<void>;
}

export interface QuartermasterOptions extends Pick<ServeProcessOptions, 'kubeconfig' | 'webhookPort' | 'opsPort'> {
  readonly metadataUrl: URL;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Starts `serve` on 127.0.0.1 and waits until it is ready. Throws with its last lines where it does not get there. */
export const startQuartermaster = async (options: QuartermasterOptions): Promise<Quartermaster> => {
  const { metadataUrl, environment, ...rest } = options;
  const serve = startServe({ ...rest, environment: { METADATA_ENDPOINT: metadataUrl.href, ...environment } });
  const stop = async (): Promise<void> => void (await serve.stop());
  try {
    await untilReady(serve);
    return { opsUrl: serve.opsUrl, stop };
  } catch (error) {
    await stop();
    throw error;
  }
};
