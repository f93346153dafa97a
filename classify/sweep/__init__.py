"""Tested images changed at five strengths: at which strength does a model no longer keep what it promises?"""
