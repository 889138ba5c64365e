"""Callbacks for trainers of others. Import the one for your library, which must be installed.

::

    from ecoaudit.integrations.transformers import EcoauditCallback
    from ecoaudit.integrations.lightning import EcoauditCallback
"""
