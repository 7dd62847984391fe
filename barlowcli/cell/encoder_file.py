"""encoder.safetensors: the weights that a cell leaves behind."""

import json

from safetensors.torch import save

from barlowcli.methods.base import Method
from barlowcli.records.files import write_bytes
from barlowcli.records.folder import CellFolder

ENCODER_SCHEMA = 1
"""Version of encoder.safetensors; rises when names or shapes in it get another meaning."""


def save_encoder(method: Method, folder: CellFolder) -> None:
    """Write the weights of encoder and projector to encoder.safetensors.

    Its metadata have one entry, "barlow", JSON with schema_version and the cell's id: of several, safetensors shuffles
    the order.
    """
    modules = {"encoder": method.encoder, "projector": method.projector}
    tensors = {
        f"{name}.{key}": value.detach().cpu().contiguous()
        for name, module in modules.items()
        if module is not None
        for key, value in module.state_dict().items()
    }
    about = json.dumps({"schema_version": ENCODER_SCHEMA, "cell": folder.id})
    write_bytes(folder.encoder, save(tensors, metadata={"barlow": about}))
